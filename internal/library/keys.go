package library

import (
	"context"
	"errors"
	"strings"
	"time"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
)

// Why a key is not accepted: for the log alone, as a caller is never told.
var (
	ErrKeyMissing = errors.New("no api key was sent")
	ErrKeyUnknown = errors.New("api key is unknown")
	ErrKeySecret  = errors.New("api key has a wrong secret")
	ErrKeyExpired = errors.New("api key has expired")
	ErrKeyRevoked = errors.New("api key is revoked")
	ErrKeyUser    = errors.New("api key is of a user who was removed")
)

// Authenticate returns whom the token speaks for. Every error of kind
// Unauthorized is the same to its reader, whatever the reason; the reason is its
// cause.
func (l *Library) Authenticate(ctx context.Context, token string) (*account.Principal, error) {
	if token == "" {
		return nil, unauthorized(ErrKeyMissing)
	}
	parsed, err := account.ParseToken(token)
	if err != nil {
		return nil, unauthorized(err)
	}
	return l.principal(ctx, parsed.KeyOID(), func(d account.Digest) bool { return d.Matches(parsed.Secret) })
}

// principal returns whom a key speaks for, if its digest fits and it may be used
// now.
func (l *Library) principal(ctx context.Context, keyOID string, fits func(account.Digest) bool) (*account.Principal, error) {
	p, err := l.keys.get(ctx, keyOID, func(ctx context.Context) (*account.Principal, error) { return l.store.Principal(ctx, keyOID) })
	switch now := l.now(); {
	case errs.KindOf(err) == errs.NotFound:
		return nil, unauthorized(ErrKeyUnknown)
	case err != nil:
		return nil, err
	case !fits(p.Key.Digest):
		return nil, unauthorized(ErrKeySecret)
	case p.Key.RevokedAt != nil:
		return nil, unauthorized(ErrKeyRevoked)
	case p.User.RemovedAt != nil:
		return nil, unauthorized(ErrKeyUser)
	case p.Key.ExpiresAt != nil && !now.Before(*p.Key.ExpiresAt):
		return nil, unauthorized(ErrKeyExpired)
	default:
		l.uses.note(p.Key.OID, now)
		return p, nil
	}
}

func unauthorized(reason error) error {
	return &errs.Error{
		Kind: errs.Unauthorized, Code: errs.CodeUnauthorized, Err: reason,
		Message: "A valid API key is needed: send it in the header api_key.",
	}
}

// NewKey says what a key shall be.
type NewKey struct {
	Workspace account.Workspace
	User      account.User
	// Name tells people what the key is for; it may be empty.
	Name   string
	Scopes account.Scopes
	// ExpiresAt is nil for a key that does not expire.
	ExpiresAt *time.Time
	// Token is the key's; the zero Token stands for a random one.
	Token account.Token
	// Errors are those of the request's form.
	Errors []errs.Field
}

// chosenToken reads a token that somebody chose for a new key, "" for none.
func chosenToken(text string) (account.Token, error) {
	if text == "" {
		return account.Token{}, nil
	}
	token, err := account.ParseToken(text)
	if err != nil {
		return token, errs.Invalidf("The chosen API key does not have the form of one: psk_ and %d letters and digits, of which the last are a checksum.", account.TokenLength-len(account.TokenPrefix))
	}
	return token, nil
}

// CreateKey makes a key, and returns it with its token, which nobody will be
// able to show again. It asks for no scope: it is for the operator.
func (l *Library) CreateKey(ctx context.Context, wanted NewKey) (token string, _ *account.APIKey, err error) {
	key, token, err := l.newKey(wanted)
	if err != nil {
		return "", nil, err
	}
	err = l.store.Write(ctx, func(ctx context.Context, tx entity.Tx) error { return tx.InsertAPIKey(ctx, key) })
	if err != nil {
		return "", nil, err
	}
	return token, key, nil
}

// CreateKeyFor is CreateKey for a key that may administer the workspace: the new
// key acts for the same user in the same workspace.
func (l *Library) CreateKeyFor(ctx context.Context, c Caller, wanted NewKey) (token string, _ *account.APIKey, err error) {
	if err := require(c, account.ScopeAdmin); err != nil {
		return "", nil, err
	}
	wanted.Workspace, wanted.User = c.Workspace, c.User
	return l.CreateKey(ctx, wanted)
}

func (l *Library) newKey(wanted NewKey) (*account.APIKey, string, error) {
	now := l.now()
	var list errs.List
	list.Text("name", wanted.Name, 0, account.MaxNameLength)
	if wanted.ExpiresAt != nil && !wanted.ExpiresAt.After(now) {
		list.Add("expiresAt", "must be in the future")
	}
	if len(wanted.Scopes) == 0 {
		list.Add("scopes", "must be read, write or admin")
	}
	if wanted.User.OrganizationOID != wanted.Workspace.OrganizationOID {
		list.Add("user", "must be of the workspace's organization")
	}
	if wanted.User.RemovedAt != nil {
		list.Add("user", "was removed")
	}
	if err := errs.InvalidFields(errs.Join(wanted.Errors, list.Fields())); err != nil {
		return nil, "", err
	}
	token, digest := wanted.Token, wanted.Token.Digest()
	if token == (account.Token{}) {
		token, digest = account.NewToken()
	}
	return &account.APIKey{
		OID: token.KeyOID(), WorkspaceOID: wanted.Workspace.OID, UserOID: wanted.User.OID, Name: wanted.Name,
		Scopes: wanted.Scopes, Digest: digest, CreatedAt: now, ExpiresAt: wanted.ExpiresAt,
	}, token.Reveal(), nil
}

// Keys returns the keys of a workspace, oldest first.
func (l *Library) Keys(ctx context.Context, workspace account.Workspace) ([]account.APIKey, error) {
	return l.store.APIKeys(ctx, workspace.OID)
}

// ListKeys returns the keys of the caller's workspace, oldest first, to a key
// that may administer it.
func (l *Library) ListKeys(ctx context.Context, c Caller) ([]account.APIKey, error) {
	if err := require(c, account.ScopeAdmin); err != nil {
		return nil, err
	}
	return l.Keys(ctx, c.Workspace)
}

// RevokeKey ends a key, which is named by its id (ak_…) or by its token. A key
// that was revoked before stays so.
func (l *Library) RevokeKey(ctx context.Context, idOrToken string) (*account.APIKey, error) {
	return l.revokeKey(ctx, "", idOrToken)
}

// RevokeKeyFor is RevokeKey for a key that may administer the workspace.
func (l *Library) RevokeKeyFor(ctx context.Context, c Caller, idOrToken string) (*account.APIKey, error) {
	if err := require(c, account.ScopeAdmin); err != nil {
		return nil, err
	}
	return l.revokeKey(ctx, c.Workspace.OID, idOrToken)
}

// revokeKey ends a key of a workspace; "" stands for any.
func (l *Library) revokeKey(ctx context.Context, workspace, idOrToken string) (*account.APIKey, error) {
	keyOID := idOrToken
	if strings.HasPrefix(idOrToken, account.TokenPrefix) {
		parsed, err := account.ParseToken(idOrToken)
		if err != nil {
			return nil, errs.Invalidf("The API key is not complete or has a typing error: name it by its id, ak_…, which `personae key list` shows.")
		}
		keyOID = parsed.KeyOID()
	}
	var revoked *account.APIKey
	err := l.store.Write(ctx, func(ctx context.Context, tx entity.Tx) error {
		var err error
		if revoked, err = keyOf(ctx, tx, workspace, keyOID); err != nil || revoked.RevokedAt != nil {
			return err
		}
		now := l.now()
		revoked.RevokedAt = &now
		return tx.RevokeAPIKey(ctx, revoked.WorkspaceOID, revoked.OID, now)
	})
	l.keys.drop(keyOID)
	if err != nil {
		return nil, err
	}
	return revoked, nil
}

// keyOf returns a key of a workspace; "" stands for any.
func keyOf(ctx context.Context, r entity.Reader, workspace, keyOID string) (*account.APIKey, error) {
	unknown := errs.NotFoundf(errs.CodeAPIKeyNotFound, "There is no API key %.60q: `personae key list` shows which there are.", keyOID)
	if !account.ValidID(keyOID) {
		return nil, unknown
	}
	p, err := r.Principal(ctx, keyOID)
	if errs.KindOf(err) == errs.NotFound || err == nil && workspace != "" && p.Workspace.OID != workspace {
		return nil, unknown
	}
	if err != nil {
		return nil, err
	}
	key := p.Key
	return &key, nil
}
