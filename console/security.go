package console

import (
	"fmt"
	"net/http"
	"strings"

	"rsc.io/qr"

	"github.com/aurora-push/aurora/account"
)

type securityPage struct {
	Factors  account.SecondFactors
	Enrol    account.Enrolment
	QR       qrCode
	Enrolled bool     // an enrolment waits for its first code
	Recovery []string // shown once
	Sessions []account.SignedIn
	Works    bool // browsers make passkeys at this address
	Problem  string
	At       string // which form the problem belongs to
}

// qrCode is a QR code as a path of unit squares, so that it is sharp at any
// size and needs no image.
type qrCode struct {
	Size int
	Path string
}

func drawQR(text string) (qrCode, error) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return qrCode{}, err
	}
	const quiet = 4 // modules of margin that readers want (ISO/IEC 18004 §5.3.8)
	var b strings.Builder
	for y := range code.Size {
		for x := range code.Size {
			if code.Black(x, y) {
				fmt.Fprintf(&b, "M%d %dh1v1h-1z", x+quiet, y+quiet)
			}
		}
	}
	return qrCode{code.Size + 2*quiet, b.String()}, nil
}

func (c *console) security(w http.ResponseWriter, r *http.Request, v visit) error {
	return c.showSecurity(w, r, v, securityPage{}, nil)
}

func (c *console) showSecurity(w http.ResponseWriter, r *http.Request, v visit, p securityPage, refusal error) (err error) {
	ctx := r.Context()
	if p.Factors, err = c.People.SecondFactors(ctx, v.who.PersonID); err != nil {
		return err
	}
	if p.Enrol, p.Enrolled, err = c.People.PendingCodes(ctx, v.who); err != nil {
		return err
	}
	if p.Enrolled {
		if p.QR, err = drawQR(p.Enrol.URI); err != nil {
			return err
		}
	}
	if p.Sessions, err = c.People.Sessions(ctx, v.who.PersonID, v.session); err != nil {
		return err
	}
	p.Works = account.PasskeysWork(c.baseURL(r))
	if refusal != nil {
		return c.refuse(w, r, v, refusal, "security", "Security", func(problem string) any {
			p.Problem = problem
			return p
		})
	}
	return c.page(w, r, v, http.StatusOK, "security", "Security", p)
}

func (c *console) beginCodes(w http.ResponseWriter, r *http.Request, v visit) error {
	if _, err := c.People.BeginCodes(r.Context(), v.who, r.PostForm.Get("password")); err != nil {
		return c.showSecurity(w, r, v, securityPage{At: "codes"}, err)
	}
	return redirect(w, r, "/security#codes")
}

func (c *console) confirmCodes(w http.ResponseWriter, r *http.Request, v visit) error {
	recovery, err := c.People.ConfirmCodes(r.Context(), v.who, r.PostForm.Get("code"))
	return c.showSecurity(w, r, v, securityPage{At: "codes", Recovery: recovery}, err)
}

func (c *console) disableCodes(w http.ResponseWriter, r *http.Request, v visit) error {
	if err := c.People.DisableCodes(r.Context(), v.who, r.PostForm.Get("password")); err != nil {
		return c.showSecurity(w, r, v, securityPage{At: "codes"}, err)
	}
	return c.done(w, r, "/security", "Codes are switched off.")
}

func (c *console) renewRecovery(w http.ResponseWriter, r *http.Request, v visit) error {
	recovery, err := c.People.RenewRecoveryCodes(r.Context(), v.who, r.PostForm.Get("password"))
	return c.showSecurity(w, r, v, securityPage{At: "recovery", Recovery: recovery}, err)
}

// beginPasskey answers a script.
func (c *console) beginPasskey(w http.ResponseWriter, r *http.Request, v visit) error {
	ceremony, err := c.People.BeginPasskey(r.Context(), v.who, c.baseURL(r), r.PostForm.Get("password"))
	return c.ceremony(w, r, ceremony, err)
}

func (c *console) addPasskey(w http.ResponseWriter, r *http.Request, v visit) error {
	f := r.PostForm
	recovery, err := c.People.AddPasskey(r.Context(), v.who, c.baseURL(r), f.Get("name"), f.Get("state"), []byte(f.Get("answer")))
	if err == nil && recovery == nil {
		return c.done(w, r, "/security", "The passkey was added.")
	}
	return c.showSecurity(w, r, v, securityPage{At: "passkeys", Recovery: recovery}, err)
}

func (c *console) removePasskey(w http.ResponseWriter, r *http.Request, v visit) error {
	if err := c.People.RemovePasskey(r.Context(), v.who, formID(r, "id"), r.PostForm.Get("password")); err != nil {
		return c.showSecurity(w, r, v, securityPage{At: "passkeys"}, err)
	}
	return c.done(w, r, "/security", "The passkey was removed.")
}

func (c *console) endSession(w http.ResponseWriter, r *http.Request, v visit) error {
	if err := c.People.EndSession(r.Context(), v.who, r.PostForm.Get("id")); err != nil {
		return c.showSecurity(w, r, v, securityPage{At: "sessions"}, err)
	}
	return c.done(w, r, "/security", "The session was ended.")
}

func (c *console) endOtherSessions(w http.ResponseWriter, r *http.Request, v visit) error {
	if _, err := c.People.EndOtherSessions(r.Context(), v.who, v.session); err != nil {
		return err
	}
	return c.done(w, r, "/security", "You are signed out everywhere else.")
}

func (c *console) changePassword(w http.ResponseWriter, r *http.Request, v visit) error {
	if err := c.People.ChangePassword(r.Context(), v.who, v.session, r.PostForm.Get("old"), r.PostForm.Get("password")); err != nil {
		return c.showSecurity(w, r, v, securityPage{At: "password"}, err)
	}
	return c.done(w, r, "/security", "The password was changed. Other sessions were ended.")
}
