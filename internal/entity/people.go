package entity

import (
	"context"
	"time"

	"personae.dev/internal/account"
)

// PeopleReader reads who may sign in, and where.
type PeopleReader interface {
	// Password returns that of a folded address, and HasPasswords tells whether
	// there is any.
	Password(ctx context.Context, email string) (*account.Password, error)
	HasPasswords(ctx context.Context) (bool, error)
	// Members returns who may enter a workspace, and Enterable the workspaces that
	// a user may enter; oldest first.
	Members(ctx context.Context, workspace string) ([]account.Member, error)
	Enterable(ctx context.Context, userOID string) ([]account.Workspace, error)
	// Session returns a session, expired or not, and Sessions those of a user that
	// were begun with an API key, "" for none; last seen first.
	Session(ctx context.Context, digest account.Digest) (*account.SignedIn, error)
	Sessions(ctx context.Context, userOID, keyOID string) ([]account.Session, error)
	// Link returns a link, expired or not.
	Link(ctx context.Context, digest account.Digest) (*account.Link, error)
}

// PeopleTx changes it.
type PeopleTx interface {
	// SetEmail sets the address of a user. One that another user of the
	// organization has is an error of kind Conflict.
	SetEmail(ctx context.Context, userOID, email string) error
	// PutPassword sets a user's password, and ends all sessions and links of the
	// user. An address that another user signs in with is an error of kind
	// Conflict.
	PutPassword(ctx context.Context, p *account.Password) error
	// PutMember sets the role of a user in a workspace. DeleteMember takes it away,
	// ends the user's sessions there, and revokes the keys.
	PutMember(ctx context.Context, workspace, userOID string, role account.MemberRole, at time.Time) error
	DeleteMember(ctx context.Context, workspace, userOID string, at time.Time) error

	InsertSession(ctx context.Context, s *account.Session) error
	// TouchSession notes when a session was seen last, and moves it to a workspace;
	// "" leaves it where it is.
	TouchSession(ctx context.Context, digest account.Digest, workspace string, at time.Time) error
	DeleteSession(ctx context.Context, digest account.Digest) error
	InsertLink(ctx context.Context, link *account.Link) error
	// TakeLink removes a link, and returns it: of two who take it, one gets it.
	TakeLink(ctx context.Context, digest account.Digest) (*account.Link, error)
	// DropLinks removes the links of a purpose, and PurgeSignIns the sessions and
	// links that have expired, and sessions that were seen before idle.
	DropLinks(ctx context.Context, purpose account.Purpose) error
	PurgeSignIns(ctx context.Context, now, idle time.Time) error
}
