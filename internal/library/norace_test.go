//go:build !race

package library_test

// raceDetector tells that the tests run several times slower than else.
const raceDetector = false
