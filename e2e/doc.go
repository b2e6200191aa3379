// Package e2e runs the binary as a person does: testdata/*.txtar are sessions at
// a shell, and the tests beside them do what a script cannot, such as pulling
// the plug.
//
// It tests no rule in depth: that is done in the package of the rule. Windows is
// not tested here, as its processes know no SIGTERM.
//
// Commands that scripts have beside those of testscript:
//
//	serve [FLAG…]             start `personae serve FLAG…`, and go on when it has
//	                          greeted. stdout is the greeting; $URL, $KEY and $CURL
//	                          are what it shows, its log is in server.log
//	shutdown                  send SIGTERM to the server, which must exit with 0
//	get [-X METHOD] [-H 'NAME: VALUE']… [-d BODY] [-o FILE] PATH
//	                          make a request to $URL, on a connection that stays
//	                          open. stdout is the answer: status, protocol and
//	                          headers, body. -o writes the body to FILE, without
//	                          the value of its "_metadata"
//	until STATUS TIME [-H 'NAME: VALUE']… PATH
//	                          make requests until one is answered with STATUS,
//	                          which must be within TIME
//	exits CODE COMMAND [ARG…] run a command that must exit with CODE
//	capture NAME [REGEXP]     set $NAME to stdout, or to what the group of REGEXP
//	                          matches in it
//	jsonlines FILE            every line of FILE must be a JSON object
//	sql DATABASE STATEMENT    work on a database; stdout is the first column
//	certificate CERT KEY      write a certificate for 127.0.0.1, which get trusts
package e2e
