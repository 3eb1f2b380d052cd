package console

import (
	"net/http"

	"github.com/aurora-push/aurora"
)

// comparePage sets messages beside each other.
type comparePage struct{ Reports []reportView }

// maxCompared is how many fit beside each other.
const maxCompared = 4

// Best is the highest share of a number among the messages, in parts of a
// thousand, so that bars can be compared.
func (p comparePage) Best(id string) (best uint64) {
	for _, r := range p.Reports {
		for _, b := range r.Funnel() {
			if b.ID == id {
				best = max(best, permille(b.Part, b.Whole))
			}
		}
	}
	return best
}

func (c *console) compare(w http.ResponseWriter, r *http.Request, v visit) error {
	var page comparePage
	seen := map[aurora.MessageID]bool{}
	for _, s := range r.URL.Query()["id"] {
		id, err := aurora.ParseMessageID(s)
		if err != nil {
			return err
		}
		if seen[id] || len(seen) == maxCompared {
			continue
		}
		seen[id] = true
		rep, err := c.Ledger.Report(r.Context(), v.app.ID, id)
		if err != nil {
			return err
		}
		page.Reports = append(page.Reports, viewReport(rep))
	}
	return c.page(w, r, v, http.StatusOK, "messages-compare", "Compare", page)
}
