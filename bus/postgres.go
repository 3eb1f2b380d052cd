package bus

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/jackc/pgx/v5"
)

// Postgres carries hints by PostgreSQL's LISTEN and NOTIFY, between servers
// that share a schema. It uses two connections.
type Postgres struct {
	*remote
	config *pgx.ConnConfig
}

// NewPostgres begins to carry hints through the database of a URL. A database
// that is not there is tried again for ever: Trouble says so.
func NewPostgres(url string) (*Postgres, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, errors.New("the database's URL is not understood")
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = silence
	}
	r, ctx := newRemote()
	p := &Postgres{r, config}
	p.ended.Go(func() { r.again(ctx, p.listen) })
	p.ended.Go(func() { r.again(ctx, p.send) })
	return p, nil
}

// silence is how long nothing may be heard before the other end is asked
// whether it is there, and how long its answer may take.
const silence = 5 * time.Second

// connect returns a connection and the channel of its schema.
func (p *Postgres) connect(ctx context.Context) (*pgx.Conn, string, error) {
	conn, err := pgx.ConnectConfig(ctx, p.config)
	if err != nil {
		return nil, "", err
	}
	var schema string
	if err := conn.QueryRow(ctx, "SELECT current_schema()").Scan(&schema); err != nil {
		return nil, "", errors.Join(err, conn.Close(ctx))
	}
	h := fnv.New64a()
	h.Write([]byte(schema))
	return conn, fmt.Sprintf("aurora_%x", h.Sum64()), nil
}

func (p *Postgres) close(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = conn.Close(ctx)
}

func (p *Postgres) listen(ctx context.Context) error {
	conn, channel, err := p.connect(ctx)
	if err != nil {
		return err
	}
	defer p.close(conn)
	if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
		return err
	}
	p.setTrouble(nil)
	for {
		waiting, cancel := context.WithTimeout(ctx, silence)
		n, err := conn.WaitForNotification(waiting)
		quiet := waiting.Err() != nil && ctx.Err() == nil
		cancel()
		switch {
		case err == nil:
			p.deliver(n.Payload)
		case quiet && !conn.IsClosed():
			if err := ping(ctx, conn); err != nil {
				return err
			}
		default:
			return err
		}
	}
}

func ping(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, silence)
	defer cancel()
	return conn.Ping(ctx)
}

func (p *Postgres) send(ctx context.Context) error {
	conn, channel, err := p.connect(ctx)
	if err != nil {
		return err
	}
	defer p.close(conn)
	for {
		bundle := p.bundle(ctx)
		if bundle == "" {
			return nil
		}
		sending, cancel := context.WithTimeout(ctx, silence)
		_, err := conn.Exec(sending, "SELECT pg_notify($1, $2)", channel, bundle)
		cancel()
		if err != nil {
			return err
		}
	}
}
