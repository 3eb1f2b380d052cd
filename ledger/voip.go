package ledger

import (
	"strings"

	"github.com/aurora-push/aurora"
)

// VoIP is where the part of a push that goes to PushKit stands: apart from its
// notification. What devices report counts for the notification.
type VoIP struct {
	Targeted, Accepted, Failed, Pending uint64
	FailedBy                            []ReasonCount // most frequent first
}

func voipOf(m aurora.Message, marks map[aurora.Mark]uint64) *VoIP {
	if m.Content.VoIP == nil {
		return nil
	}
	v := &VoIP{Targeted: marks[aurora.VoIP(aurora.Targeted)], Accepted: marks[aurora.VoIP(aurora.Accepted)]}
	for mark, n := range marks {
		inner, ok := strings.CutPrefix(string(mark), string(aurora.VoIP("")))
		if reason, failed := aurora.Mark(inner).FailedReason(); ok && failed {
			v.Failed += n
			v.FailedBy = append(v.FailedBy, ReasonCount{reason, n})
		}
	}
	sortReasons(v.FailedBy)
	if settled := v.Accepted + v.Failed; v.Targeted > settled {
		v.Pending = v.Targeted - settled
	}
	return v
}
