package library

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sync/semaphore"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/limit"
)

// Times and limits of signing in. docs/limits.md lists them.
const (
	// SessionLasts is how long a session lasts, and SessionIdle how long one that
	// is not used.
	SessionLasts = 14 * 24 * time.Hour
	SessionIdle  = 12 * time.Hour
	// LinkLasts is how long a link works that is to choose a password, and
	// DemoLinkLasts one that signs in.
	LinkLasts     = 24 * time.Hour
	DemoLinkLasts = 10 * time.Minute
	// TriesPerEmail and TriesPerAddress are how often somebody may try to sign in
	// within TriesWindow; each server counts for itself.
	TriesPerEmail   = 10
	TriesPerAddress = 50
	TriesWindow     = 15 * time.Minute

	hashesAtOnce = 2
	touchEvery   = time.Minute // how exact Session.SeenAt is
	maxBrowser   = 300         // bytes
)

// From tells which browser calls.
type From struct{ Address, Browser string }

// SignedIn is a session, and the caller that it makes.
type SignedIn struct {
	Caller
	Session account.Session
}

// ByPassword tells whether the session speaks for its user, and not for an API
// key.
func (s *SignedIn) ByPassword() bool { return s.Session.KeyOID == "" }

// Why a session is not accepted, for the log.
var (
	ErrNoSession      = errors.New("there is no such session")
	ErrSessionExpired = errors.New("the session has expired")
	ErrNoMember       = errors.New("the user is no member of the workspace")
)

// signIns bounds what it costs to try passwords.
type signIns struct {
	hashes            *semaphore.Weighted
	emails, addresses *limit.Rates
}

func newSignIns() signIns {
	return signIns{
		semaphore.NewWeighted(hashesAtOnce), limit.NewRates(TriesPerEmail, TriesWindow), limit.NewRates(TriesPerAddress, TriesWindow),
	}
}

// try counts an attempt, and returns how many are left. A network of IPv6 counts
// as one address. email is "" where none was given.
func (s *signIns) try(address, email string, now time.Time) (left int, err error) {
	if parsed, err := netip.ParseAddr(address); err == nil && parsed.Is6() {
		if network, err := parsed.Prefix(64); err == nil {
			address = network.String()
		}
	}
	d := s.addresses.Allow(address, now)
	if d.Allowed && email != "" {
		byEmail := s.emails.Allow(email, now)
		byEmail.Remaining = min(byEmail.Remaining, d.Remaining)
		d = byEmail
	}
	if d.Allowed {
		return d.Remaining, nil
	}
	return 0, &errs.Error{
		Kind: errs.RateLimited, Code: errs.CodeRateLimited, RetryAfter: int(d.RetryAfter.Seconds()),
		Message: fmt.Sprintf("There were too many tries. Try again in %s.", d.RetryAfter),
	}
}

// SignIn begins a session for who has an email address and a password, and
// returns its token. An unknown address is answered as a wrong password is, after
// the same work.
func (l *Library) SignIn(ctx context.Context, email, password string, from From) (token string, err error) {
	email = account.FoldEmail(email)
	left, err := l.signIns.try(from.Address, email, l.now())
	if err != nil {
		return "", err
	}
	known, err := l.store.Password(ctx, email)
	if errs.KindOf(err) == errs.NotFound {
		known, err = &account.Password{}, nil
	}
	if err != nil {
		return "", err
	}
	if err := l.signIns.hashes.Acquire(ctx, 1); err != nil {
		return "", err
	}
	matches := account.PasswordMatches(known.Hash, password)
	l.signIns.hashes.Release(1)
	differs := &errs.Error{
		Kind: errs.Unauthorized, Code: errs.CodeUnauthorized,
		Message: fmt.Sprintf("E-mail and password do not match. After %d more tries, wait 15 minutes.", left),
	}
	if !matches {
		return "", differs
	}
	return l.begin(ctx, from, func(ctx context.Context, tx entity.Tx) (string, error) {
		// A new password ends all sessions, also one that begins with the old one now.
		now, err := tx.Password(ctx, email)
		if errs.KindOf(err) == errs.NotFound || err == nil && now.Hash != known.Hash {
			err = differs
		}
		return known.UserOID, err
	})
}

// SignInByKey begins a session that may do what an API key may, as long as that
// may be used.
func (l *Library) SignInByKey(ctx context.Context, key string, from From) (token string, err error) {
	if _, err := l.signIns.try(from.Address, "", l.now()); err != nil {
		return "", err
	}
	p, err := l.Authenticate(ctx, key)
	if errs.KindOf(err) == errs.Unauthorized {
		return "", &errs.Error{
			Kind: errs.Unauthorized, Code: errs.CodeUnauthorized, Err: err,
			Message: "This API key is not valid: it is unknown, revoked or expired. Copy it whole, from psk_ on.",
		}
	}
	if err != nil {
		return "", err
	}
	err = l.store.Write(ctx, func(ctx context.Context, tx entity.Tx) error {
		token, err = l.insertSession(ctx, tx, account.Session{UserOID: p.User.OID, WorkspaceOID: p.Workspace.OID, KeyOID: p.Key.OID}, from)
		return err
	})
	return token, err
}

// begin begins a session for the user that allow returns, in the first workspace
// that the user may enter.
func (l *Library) begin(ctx context.Context, from From, allow func(context.Context, entity.Tx) (userOID string, err error)) (token string, err error) {
	err = l.store.Write(ctx, func(ctx context.Context, tx entity.Tx) error {
		userOID, err := allow(ctx, tx)
		if err != nil {
			return err
		}
		workspaces, err := tx.Enterable(ctx, userOID)
		if err != nil {
			return err
		}
		if len(workspaces) == 0 {
			return &errs.Error{
				Kind: errs.Forbidden, Code: errs.CodeInsufficientScope,
				Message: "You are not a member of any workspace. Ask an admin of one to invite you.",
			}
		}
		token, err = l.insertSession(ctx, tx, account.Session{UserOID: userOID, WorkspaceOID: workspaces[0].OID}, from)
		return err
	})
	return token, err
}

func (l *Library) insertSession(ctx context.Context, tx entity.Tx, s account.Session, from From) (token string, err error) {
	token, s.Digest = account.NewSecret()
	s.OID, s.CreatedAt = l.newID(account.SessionPrefix), l.now()
	s.SeenAt, s.ExpiresAt = s.CreatedAt, s.CreatedAt.Add(SessionLasts)
	s.Address, s.Browser = from.Address, from.Browser
	if len(errs.CheckText("browser", s.Browser, 0, maxBrowser)) > 0 {
		s.Browser = ""
	}
	return token, tx.InsertSession(ctx, &s)
}

// Session returns whom the token of a session speaks for.
func (l *Library) Session(ctx context.Context, token string) (*SignedIn, error) {
	in, err := l.store.Session(ctx, account.DigestOf(token))
	now := l.now()
	switch {
	case errs.KindOf(err) == errs.NotFound:
		return nil, signInAgain(ErrNoSession)
	case err != nil:
		return nil, err
	case !now.Before(in.ExpiresAt), now.Sub(in.SeenAt) >= SessionIdle:
		return nil, signInAgain(ErrSessionExpired)
	}
	p := &account.Principal{
		Key:       account.APIKey{WorkspaceOID: in.Workspace.OID, UserOID: in.User.OID, Scopes: in.Role.Scopes()},
		Workspace: in.Workspace, User: in.User, Organization: in.Organization,
	}
	if in.KeyOID != "" {
		p, err = l.principal(ctx, in.KeyOID, func(account.Digest) bool { return true })
		if errs.KindOf(err) == errs.Unauthorized {
			return nil, signInAgain(err)
		}
		if err != nil {
			return nil, err
		}
	} else if in.Role == "" {
		return nil, signInAgain(ErrNoMember)
	}
	if now.Sub(in.SeenAt) >= touchEvery {
		if err := l.touch(ctx, in.Session, ""); err != nil {
			l.log.Warn("library: note when a session was used", "error", err) // a read goes on
		}
	}
	return &SignedIn{Caller{p, entity.SourceConsole}, in.Session}, nil
}

func signInAgain(reason error) error {
	return &errs.Error{Kind: errs.Unauthorized, Code: errs.CodeUnauthorized, Err: reason, Message: "You are not signed in, or no longer: sign in."}
}

func (l *Library) touch(ctx context.Context, s account.Session, workspace string) error {
	return l.store.Write(ctx, func(ctx context.Context, tx entity.Tx) error {
		return tx.TouchSession(ctx, s.Digest, workspace, l.now())
	})
}

// SwitchWorkspace moves a session to another workspace.
func (l *Library) SwitchWorkspace(ctx context.Context, s *SignedIn, workspaceOID string) error {
	workspaces, err := l.Enterable(ctx, s)
	if err != nil {
		return err
	}
	for _, w := range workspaces {
		if w.OID == workspaceOID {
			return l.touch(ctx, s.Session, w.OID)
		}
	}
	return errs.NotFoundf("workspace_not_found", "You are not a member of this workspace.")
}

// Enterable returns the workspaces to which a session may be switched.
func (l *Library) Enterable(ctx context.Context, s *SignedIn) ([]account.Workspace, error) {
	if !s.ByPassword() {
		return []account.Workspace{s.Workspace}, nil
	}
	return l.store.Enterable(ctx, s.User.OID)
}

// SignOut ends the session of a token; "" and unknown ones are passed over.
func (l *Library) SignOut(ctx context.Context, token string) error {
	if token == "" {
		return nil
	}
	return l.store.Write(ctx, func(ctx context.Context, tx entity.Tx) error { return tx.DeleteSession(ctx, account.DigestOf(token)) })
}

// Sessions returns the sessions of the same user, or of the same API key.
func (l *Library) Sessions(ctx context.Context, s *SignedIn) ([]account.Session, error) {
	all, err := l.store.Sessions(ctx, s.User.OID, s.Session.KeyOID)
	if err != nil {
		return nil, err
	}
	now, valid := l.now(), all[:0]
	for _, other := range all {
		if now.Before(other.ExpiresAt) && now.Sub(other.SeenAt) < SessionIdle {
			valid = append(valid, other)
		}
	}
	return valid, nil
}

// EndSession ends one of Sessions, by its id, or with "" all but s itself.
func (l *Library) EndSession(ctx context.Context, s *SignedIn, sessionOID string) error {
	return l.store.Write(ctx, func(ctx context.Context, tx entity.Tx) error {
		all, err := tx.Sessions(ctx, s.User.OID, s.Session.KeyOID)
		if err != nil {
			return err
		}
		ended := 0
		for _, other := range all {
			if other.OID == sessionOID || sessionOID == "" && other.OID != s.Session.OID {
				if err := tx.DeleteSession(ctx, other.Digest); err != nil {
					return err
				}
				ended++
			}
		}
		if ended == 0 && sessionOID != "" {
			return errs.NotFoundf("session_not_found", "This session has ended already, or is not yours.")
		}
		return nil
	})
}

// purgeSignIns removes what nobody can use any more.
func (l *Library) purgeSignIns(ctx context.Context) error {
	return l.store.Write(ctx, func(ctx context.Context, tx entity.Tx) error {
		return tx.PurgeSignIns(ctx, l.now(), l.now().Add(-SessionIdle))
	})
}
