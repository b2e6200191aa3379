package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"personae.dev/apitype"
	"personae.dev/internal/account"
	"personae.dev/internal/cli/format"
	"personae.dev/internal/errs"
	"personae.dev/internal/library"
)

type keyCmd struct {
	Create keyCreateCmd `cmd:"" help:"Create an API key and print it once."`
	List   keyListCmd   `cmd:"" help:"List the API keys of a workspace."`
	Revoke keyRevokeCmd `cmd:"" help:"Revoke an API key for good."`
}

type keyCreateCmd struct {
	inWorkspace
	Scope   []string `default:"read" placeholder:"SCOPE" help:"What the key may do: read, write (includes read) or admin (includes both). Default: read."`
	Name    string   `placeholder:"TEXT" help:"What the key is for."`
	User    string   `placeholder:"USER" help:"The user for whom it acts, by id or email address. Default: the owner."`
	Expires expiry   `placeholder:"WHEN" help:"When it expires: after a time (12h, 90d), on a day (2027-01-31) or at a time (RFC 3339). Default: never."`
}

// Help implements kong.HelpProvider.
func (keyCreateCmd) Help() string {
	return `Only the key is written to stdout; messages go to stderr. It cannot be shown again.

Examples:

  KEY=$(personae key create --scope read)
  personae key create --scope read,write --name "n8n production" --expires 90d`
}

// Run creates a key.
func (c keyCreateCmd) Run(ctx context.Context, stdio format.Stdio) error {
	scopes, err := account.NewScopes(c.Scope...)
	if err != nil {
		return errs.BadSettingf("%s", describe(err))
	}
	return c.open(ctx, func(l *library.Library, workspace account.Workspace) error {
		user, err := l.User(ctx, workspace, c.User)
		if err != nil {
			return err
		}
		token, key, err := l.CreateKey(ctx, library.NewKey{
			Workspace: workspace, User: *user, Name: c.Name, Scopes: scopes, ExpiresAt: c.Expires.at,
		})
		if err != nil {
			return err
		}
		ends := "It does not expire."
		if key.ExpiresAt != nil {
			ends = "It expires at " + format.Time(key.ExpiresAt) + "."
		}
		fmt.Fprintf(stdio.Err, "Key %s for %s (%s). %s It is not shown again:\n", key.OID, workspace.Name, key.Scopes, ends)
		_, err = fmt.Fprintln(stdio.Out, token)
		return err
	})
}

// expiry is when a key expires.
type expiry struct{ at *time.Time }

// UnmarshalText implements encoding.TextUnmarshaler.
func (e *expiry) UnmarshalText(text []byte) error {
	at, err := parseTime(string(text), 1)
	if err != nil || !at.After(time.Now()) {
		return fmt.Errorf("%q is not a time in the future: write 12h, 90d, 2027-01-31 or 2027-01-31T12:00:00Z", text)
	}
	e.at = &at
	return nil
}

// parseTime reads a day, a time, or a span of time from now: into the past for a
// sign of -1, into the future for 1.
func parseTime(s string, sign time.Duration) (time.Time, error) {
	at, err := time.Parse(time.DateOnly, s)
	if err != nil {
		at, err = time.Parse(time.RFC3339, s)
	}
	if err != nil {
		var span time.Duration
		span, err = parseSpan(s)
		at = time.Now().Add(sign * span)
	}
	return at.UTC().Truncate(time.Millisecond), err
}

// maxDays is a hundred years; a time.Duration holds less than three hundred.
const maxDays = 36_500

// parseSpan reads a span of time: 90d, or what time.ParseDuration reads. None is
// below 0.
func parseSpan(s string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.Atoi(days)
		if err == nil && (n < 0 || n > maxDays) {
			err = fmt.Errorf("%q is not 0 to %d days", s, maxDays)
		}
		return time.Duration(n) * 24 * time.Hour, err
	}
	span, err := time.ParseDuration(s)
	if span < 0 {
		err = fmt.Errorf("%q is below 0", s)
	}
	return span, err
}

type keyListCmd struct {
	inWorkspace
	format.Output
}

// Help implements kong.HelpProvider.
func (keyListCmd) Help() string {
	return `The keys themselves are not stored and cannot be shown. The time of last use may be a minute old.

Examples:

  personae key list
  personae key list --output json | jq -r '.[] | select(.revokedAt == null) | .id'`
}

// Run lists the keys.
func (c keyListCmd) Run(ctx context.Context, stdio format.Stdio) error {
	type entry struct {
		ID         string         `json:"id"`
		Name       string         `json:"name"`
		Scopes     account.Scopes `json:"scopes"`
		User       string         `json:"user"`
		UserName   string         `json:"userName"`
		CreatedAt  *apitype.Time  `json:"createdAt"`
		ExpiresAt  *apitype.Time  `json:"expiresAt"`
		RevokedAt  *apitype.Time  `json:"revokedAt"`
		LastUsedAt *apitype.Time  `json:"lastUsedAt"`
	}
	return c.open(ctx, func(l *library.Library, workspace account.Workspace) error {
		keys, err := l.Keys(ctx, workspace)
		if err != nil {
			return err
		}
		users, err := userNames(ctx, l)
		if err != nil {
			return err
		}
		entries := []entry{}
		rows := [][]string{{"ID", "NAME", "SCOPES", "USER", "CREATED", "EXPIRES", "REVOKED", "LAST USED"}}
		for _, k := range keys {
			entries = append(entries, entry{
				k.OID, k.Name, k.Scopes, k.UserOID, users[k.UserOID],
				format.JSONTime(&k.CreatedAt), format.JSONTime(k.ExpiresAt), format.JSONTime(k.RevokedAt), format.JSONTime(k.LastUsedAt),
			})
			rows = append(rows, []string{
				k.OID, k.Name, k.Scopes.String(), users[k.UserOID],
				format.Time(&k.CreatedAt), format.Time(k.ExpiresAt), format.Time(k.RevokedAt), format.Time(k.LastUsedAt),
			})
		}
		return c.List(stdio.Out, entries, rows)
	})
}

// userNames returns the names of users by id.
func userNames(ctx context.Context, l *library.Library) (map[string]string, error) {
	users, err := l.Users(ctx)
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	for _, u := range users {
		names[u.OID] = u.Author().Name()
	}
	return names, nil
}

type keyRevokeCmd struct {
	database
	Key string `arg:"" help:"The key's id (ak_…), as key list shows it, or the key itself."`
}

// Help implements kong.HelpProvider.
func (keyRevokeCmd) Help() string {
	return `A running server refuses the key within a second.

Example:

  personae key revoke ak_06DFGNZRiDHBWpqvR0XvAb`
}

// Run revokes a key.
func (c keyRevokeCmd) Run(ctx context.Context, stdio format.Stdio) error {
	return c.open(ctx, func(l *library.Library) error {
		key, err := l.RevokeKey(ctx, c.Key)
		if err != nil {
			return err
		}
		fmt.Fprintf(stdio.Err, "Key %s was revoked at %s.\n", key.OID, format.Time(key.RevokedAt))
		return nil
	})
}
