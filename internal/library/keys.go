package library

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"personae.dev/internal/compact"
	"personae.dev/internal/persona"
)

// Why a key is not accepted: for the log alone, as a caller is never told.
var (
	ErrKeyMissing = errors.New("no api key was sent")
	ErrKeyUnknown = errors.New("api key is unknown")
	ErrKeySecret  = errors.New("api key has a wrong secret")
	ErrKeyExpired = errors.New("api key has expired")
	ErrKeyRevoked = errors.New("api key is revoked")
)

// Caller is a key that was presented, with those for whom it acts.
type Caller = compact.Credential

// Authenticate returns whom the token speaks for; when the key was last used is not
// told. Every error of kind Unauthorized is the same to its reader, whatever the
// reason; the reason is its cause.
func (l *Library) Authenticate(ctx context.Context, token string) (caller Caller, err error) {
	if token == "" {
		return "", unauthorized(ErrKeyMissing)
	}
	parsed, err := persona.ParseToken(token)
	if err != nil {
		return "", unauthorized(err)
	}
	caller, err = l.credentials.Get(ctx, parsed.KeyID, l.loadCredential)
	switch now := l.now(); {
	case persona.KindOf(err) == persona.NotFound:
		return "", unauthorized(ErrKeyUnknown)
	case err != nil:
		return "", err
	case !caller.Matches(parsed.Secret):
		return "", unauthorized(ErrKeySecret)
	case caller.Revoked():
		return "", unauthorized(ErrKeyRevoked)
	case expired(caller, now):
		return "", unauthorized(ErrKeyExpired)
	default:
		l.usage.At(caller.KeyOID(), now)
		return caller, nil
	}
}

func expired(c Caller, now time.Time) bool {
	at, ok := c.ExpiresAt()
	return ok && !now.Before(at)
}

func (l *Library) loadCredential(ctx context.Context, keyID string) (Caller, error) {
	c, err := l.store.Credential(ctx, persona.APIKeyPrefix+keyID)
	if err != nil {
		return "", err
	}
	l.divide()
	return compact.Of(c), nil
}

// divide gives personas what keys leave of the caches. There is no get without
// its key, which takes a tenth of a persona's memory: keys come first.
func (l *Library) divide() {
	if l.keysRead.Add(1)%divideEvery == 0 {
		l.personas.Resize(l.cacheBytes - l.credentials.Bytes())
	}
}

// divideEvery is how many keys are read from the store before the caches may be
// divided anew: they take some 50 KiB, and cache.Resize waits for more.
const divideEvery = 128

func unauthorized(reason error) error {
	return &persona.Error{
		Kind: persona.Unauthorized, Code: persona.CodeUnauthorized, Err: reason,
		Message: "A valid API key is needed: send it in the header api_key.",
	}
}

// require refuses a caller whose key does not allow what is wanted.
func require(caller Caller, wanted persona.Scope) error {
	if caller.Allows(wanted) {
		return nil
	}
	return &persona.Error{
		Kind: persona.Forbidden, Code: persona.CodeInsufficientScope,
		Message: fmt.Sprintf("The API key lacks the scope %q: use a key that has it.", wanted),
	}
}

// NewKey says what a key shall be.
type NewKey struct {
	Workspace persona.Workspace
	User      persona.User
	// Name tells people what the key is for; it may be empty.
	Name   string
	Scopes persona.Scopes
	// ExpiresAt is nil for a key that does not expire.
	ExpiresAt *time.Time
}

// CreateKey makes a key, and returns it with its token, which nobody will be
// able to show again.
func (l *Library) CreateKey(ctx context.Context, wanted NewKey) (token string, _ *persona.APIKey, err error) {
	key, token, err := l.newKey(wanted)
	if err != nil {
		return "", nil, err
	}
	err = l.store.Write(ctx, func(tx persona.Tx) error { return tx.InsertAPIKey(ctx, key) })
	if err != nil {
		return "", nil, err
	}
	return token, key, nil
}

func (l *Library) newKey(wanted NewKey) (*persona.APIKey, string, error) {
	now := l.now()
	faults := persona.CheckText("name", wanted.Name, 0, persona.MaxNameLength)
	if wanted.ExpiresAt != nil && !wanted.ExpiresAt.After(now) {
		faults = append(faults, persona.Fault{Field: "expires", Message: "must be in the future"})
	}
	if len(wanted.Scopes) == 0 {
		faults = append(faults, persona.Fault{Field: "scope", Message: "must be read, write or admin"})
	}
	if wanted.User.OrganizationOID != wanted.Workspace.OrganizationOID {
		faults = append(faults, persona.Fault{Field: "user", Message: "must be of the workspace's organization"})
	}
	if err := persona.InvalidFields(faults); err != nil {
		return nil, "", err
	}
	token, digest := persona.NewToken()
	return &persona.APIKey{
		OID: token.KeyOID(), WorkspaceOID: wanted.Workspace.OID, UserOID: wanted.User.OID, Name: wanted.Name,
		Scopes: wanted.Scopes, Digest: digest, CreatedAt: now, ExpiresAt: wanted.ExpiresAt,
	}, token.Reveal(), nil
}

// Keys returns the keys of a workspace, oldest first.
func (l *Library) Keys(ctx context.Context, workspace persona.Workspace) ([]persona.APIKey, error) {
	return l.store.APIKeys(ctx, workspace.OID)
}

// RevokeKey ends a key, which is named by its id (ak_…) or by its token. A key
// that was revoked before stays so.
func (l *Library) RevokeKey(ctx context.Context, idOrToken string) (*persona.APIKey, error) {
	keyOID := idOrToken
	if strings.HasPrefix(idOrToken, persona.TokenPrefix) {
		parsed, err := persona.ParseToken(idOrToken)
		if err != nil {
			return nil, persona.Invalidf("The API key is not complete or has a typing error: name it by its id, ak_…, which `personae key list` shows.")
		}
		keyOID = parsed.KeyOID()
	}
	var revoked persona.APIKey
	defer l.credentials.Changing(strings.TrimPrefix(keyOID, persona.APIKeyPrefix))()
	err := l.store.Write(ctx, func(tx persona.Tx) error {
		c, err := tx.Credential(ctx, keyOID)
		if err != nil {
			return err
		}
		revoked = c.Key
		if revoked.RevokedAt != nil {
			return nil
		}
		now := l.now()
		revoked.RevokedAt = &now
		return tx.RevokeAPIKey(ctx, revoked.WorkspaceOID, revoked.OID, now)
	})
	if err != nil {
		return nil, err
	}
	return &revoked, nil
}
