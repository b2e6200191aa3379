package cli

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strings"

	"github.com/alecthomas/kong"

	"personae.dev/client"
	"personae.dev/internal/cli/remote"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
)

// describe says what went wrong in one line: the message, and the cause where it
// helps an operator.
func describe(err error) string {
	text := strings.Join(remote.ErrorLines(err), "; ")
	if refused, ok := errors.AsType[*client.Error](err); ok {
		if refused.StatusCode == http.StatusUnauthorized {
			text = "The server refuses the API key in PERSONAE_API_KEY or --api-key-file: it was revoked, has expired, or belongs to another server. Create a new one with `personae key create`."
		}
		if refused.StatusCode >= http.StatusInternalServerError && refused.RequestID != "" {
			text += fmt.Sprintf(" (request %s)", refused.RequestID) // by which its operator finds it
		}
		return text
	}
	known, ok := errors.AsType[*errs.Error](err)
	if !ok {
		return describeConnection(err)
	}
	if known.Err != nil && known.Kind == errs.Unavailable {
		text += fmt.Sprintf(" (%s)", known.Err)
	}
	return text
}

// describeConnection says why a server could not be reached; other errors are
// shown as they are.
func describeConnection(err error) string {
	if dial, ok := errors.AsType[*net.OpError](err); ok && dial.Op == "dial" {
		return fmt.Sprintf("There is no server: %s. Start one with `personae serve`, or name another with --server or PERSONAE_SERVER.", dial)
	}
	if errors.Is(err, http.ErrSchemeMismatch) {
		return "The server speaks HTTP, not HTTPS: begin --server or PERSONAE_SERVER with http://."
	}
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	_, invalid := errors.AsType[x509.CertificateInvalidError](err)
	_, other := errors.AsType[x509.HostnameError](err)
	text := strings.TrimPrefix(err.Error(), "client: ")
	if unknown || invalid || other {
		text = "The certificate of the server is not trusted: " + text + ". If it has a certificate authority of its own, name a PEM file with its certificate in SSL_CERT_FILE."
	}
	return text
}

// The parser's messages that say too much, or too little.
var (
	wrongEnum   = regexp.MustCompile(`must be one of (.*) but got (".*")$`)
	wrongNumber = regexp.MustCompile(`expected a valid \d+ bit u?int but got (".*")$`)
	noCommand   = regexp.MustCompile(`^unexpected argument (\S+)$`)
)

// describeUsage says what is wrong with a command line.
func describeUsage(err error, args []string, registry *entity.Registry) string {
	text := err.Error()
	if parts := wrongEnum.FindStringSubmatch(text); parts != nil {
		values := strings.Split(strings.ReplaceAll(strings.TrimPrefix(parts[1], `"",`), `"`, ""), ",")
		wanted := fmt.Sprintf("must be one of %s, not %s", strings.Join(values, ", "), parts[2])
		if near := entity.Nearest(strings.Trim(parts[2], `"`), values); near != "" {
			wanted += fmt.Sprintf(", did you mean %q?", near)
		}
		text = strings.Replace(text, parts[0], wanted, 1)
	}
	if parts := wrongNumber.FindStringSubmatch(text); parts != nil {
		text = strings.Replace(text, parts[0], "must be a number, not "+parts[1], 1)
	}
	command := "personae"
	var selected *kong.Node
	if parsing, ok := errors.AsType[*kong.ParseError](err); ok {
		if selected = parsing.Context.Selected(); selected != nil {
			command = commandOf(selected)
		}
	}
	// `personae list` is meant for a kind.
	if parts := noCommand.FindStringSubmatch(text); parts != nil && selected == nil && len(args) > 0 && parts[1] == args[0] {
		switch args[0] {
		case "list", "get", "create", "update", "edit", "diff", "delete", "archive", "history", "question":
			text += fmt.Sprintf(", did you mean \"%s %s\"?", registry.Kinds()[0].Name, args[0])
		}
	}
	return fmt.Sprintf("%s (see %s --help)", text, command)
}

// commandOf is how a command is typed.
func commandOf(node *kong.Node) string {
	if node.Parent == nil {
		return node.Name
	}
	return commandOf(node.Parent) + " " + node.Name
}
