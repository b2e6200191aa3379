module personae.dev/bench

go 1.26.0

require (
	modernc.org/sqlite v1.61.1
	personae.dev v0.0.0
)

replace personae.dev => ..
