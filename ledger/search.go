package ledger

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/aurora-push/aurora"
)

// Query asks for messages of an app.
type Query struct {
	Text   string           // occurs in words, extras, audience or collapse id, or is the msg_id; "" asks for none of it
	Source string           // such as "api"; "" means any
	Before aurora.MessageID // 0: from the newest
	Limit  int              // 1 to 100
}

// Found is what a search came upon, newest first.
type Found struct {
	Reports []Report
	Next    aurora.MessageID // where to go on; 0 at the end
	Since   time.Time        // how far back the search got; zero at the end
}

// searched is how many messages one search reads at most, which takes some
// tens of milliseconds. Whoever wants more goes on at Next.
const searched = 2000

// Search returns reports of the messages that a query asks for.
func (s *Service) Search(ctx context.Context, appID int64, q Query) (f Found, err error) {
	text := strings.ToLower(strings.TrimSpace(q.Text))
	if id, err := aurora.ParseMessageID(text); err == nil {
		if r, err := s.Report(ctx, appID, id); err == nil || aurora.KindOf(err) != aurora.NotFound {
			return Found{Reports: []Report{r}}, err
		}
	}
	limit, before := min(max(q.Limit, 1), 100), q.Before
	for read := 0; ; {
		messages, err := s.records.Messages(ctx, appID, before, 100)
		if err != nil {
			return f, err
		}
		for _, m := range messages {
			before = m.ID
			if q.Source != "" && m.Source != q.Source || text != "" && !mentions(&m, text) {
				continue
			}
			r, err := s.report(ctx, m)
			if err != nil {
				return f, err
			}
			if f.Reports = append(f.Reports, r); len(f.Reports) == limit {
				f.Next, f.Since = m.ID, m.AcceptedAt
				return f, nil
			}
		}
		if len(messages) < 100 {
			return f, nil
		}
		if read += len(messages); read >= searched {
			f.Next, f.Since = before, messages[len(messages)-1].AcceptedAt
			return f, nil
		}
	}
}

// mentions reports whether a text in small letters occurs in a message.
func mentions(m *aurora.Message, text string) bool {
	for _, s := range []string{m.Audience, m.Options.CollapseID} {
		if strings.Contains(strings.ToLower(s), text) {
			return true
		}
	}
	parts := []json.RawMessage{m.Content.Alert}
	if n := m.Content.IOS; n != nil {
		parts = append(parts, n.Alert)
		for key, value := range n.Extras {
			if strings.Contains(strings.ToLower(key), text) {
				return true
			}
			parts = append(parts, value)
		}
	}
	for _, other := range m.Content.Others {
		parts = append(parts, other)
	}
	if a := m.Content.InApp; a != nil {
		if raw, err := json.Marshal(a); err == nil {
			parts = append(parts, raw)
		}
	}
	for _, raw := range parts {
		var value any
		if json.Unmarshal(raw, &value) == nil && says(value, text) {
			return true
		}
	}
	return false
}

// says reports whether a text in small letters occurs in a string anywhere in
// a JSON value.
func says(value any, text string) bool {
	switch v := value.(type) {
	case string:
		return strings.Contains(strings.ToLower(v), text)
	case []any:
		for _, one := range v {
			if says(one, text) {
				return true
			}
		}
	case map[string]any:
		for _, one := range v {
			if says(one, text) {
				return true
			}
		}
	}
	return false
}
