package console

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/account"
)

const (
	maxCredential = 1 << 20  // bytes of a .p12 or .p8; real ones have a few thousand
	maxUpload     = 32 << 20 // bytes read at most, so that a file that is too large gets a sentence instead of a broken connection
	maxField      = 4 << 10  // bytes of a text field beside the file
)

// credentialPage shows both slots and the two forms.
type credentialPage struct {
	Slots   []slot
	Form    uploadForm
	Problem string
	// Probed is the slot that APNs was asked about again, and Verdict what is wrong.
	Probed  aurora.Environment
	Verdict string
	Mails   bool // warnings go by mail too
}

// slot is one environment and what fills it.
type slot struct {
	Environment aurora.Environment
	Credential  aurora.Credential
	Filled      bool
	State       string // "validated", "expiring", "expired", "refused"
	Days        int
	Expires     bool
}

// expirySoon is from when on the console asks to renew, in days.
const expirySoon = 30

func (c *console) slots(credentials []aurora.Credential) []slot {
	slots := []slot{{Environment: aurora.Development}, {Environment: aurora.Production}}
	for i := range slots {
		for _, cred := range credentials {
			if cred.Environment == slots[i].Environment {
				slots[i] = c.fill(cred)
			}
		}
	}
	return slots
}

func (c *console) fill(cred aurora.Credential) slot {
	s := slot{Environment: cred.Environment, Credential: cred, Filled: true, State: "validated"}
	s.Days, s.Expires = cred.DaysLeft(c.now())
	switch {
	case cred.Parked != "":
		s.State = "refused"
	case s.Expires && !c.now().Before(cred.NotAfter):
		s.State = "expired"
	case s.Expires && s.Days < expirySoon:
		s.State = "expiring"
	}
	return s
}

// urgentDays is from when on every page of an app asks to renew a credential; the
// first page does earlier.
const urgentDays = 7

// urgent returns the credentials that stop pushes now or soon.
func (c *console) urgent(ctx context.Context, appID int64) (list []slot) {
	stored, err := c.Account.Credentials(ctx, appID)
	if err != nil { // the page itself matters more
		c.log.Error("console: credentials", "err", err)
	}
	for _, s := range c.slots(stored) {
		if s.Filled && (s.State == "refused" || s.State == "expired" || s.State == "expiring" && s.Days < urgentDays) {
			list = append(list, s)
		}
	}
	return list
}

func (c *console) credentials(w http.ResponseWriter, r *http.Request, v visit) error {
	return c.showCredentials(w, r, v, http.StatusOK, credentialPage{})
}

func (c *console) showCredentials(w http.ResponseWriter, r *http.Request, v visit, status int, page credentialPage) error {
	stored, err := c.Account.Credentials(r.Context(), v.app.ID)
	if err != nil {
		return err
	}
	page.Slots, page.Mails = c.slots(stored), c.Letters != nil
	return c.page(w, r, v, status, "credential", "Credential", page)
}

// uploadForm is what was typed beside the file. The password belongs to the
// file and is never written back into a page.
type uploadForm struct {
	Kind        string // "p12" or "p8": which of the two forms
	Environment string
	KeyID       string
	TeamID      string

	password string
	file     []byte
}

func (c *console) uploadCredential(w http.ResponseWriter, r *http.Request, v visit) error {
	form, err := readUpload(w, r)
	if err == nil {
		err = c.storeCredential(r, v, form)
	}
	if err == nil {
		return c.done(w, r, "/apps/"+v.app.Key+"/credential", "APNs accepted it. It is stored, encrypted, and in use from now on.")
	}
	if aurora.KindOf(err) == aurora.Internal {
		return err
	}
	problem := c.sentence(r, err)
	if isScripted(r) { // the form stays as it is in the browser, the chosen file too
		return c.fragment(w, statusOf(err), "credential", "refusal", v, problem)
	}
	return c.showCredentials(w, r, v, statusOf(err), credentialPage{Form: form, Problem: problem})
}

func (c *console) storeCredential(r *http.Request, v visit, form uploadForm) error {
	if len(form.file) == 0 {
		return aurora.Errorf(aurora.Missing, "No file was chosen. Choose the .%s file and upload again.", form.Kind)
	}
	if err := form.rightForm(); err != nil {
		return err
	}
	up := account.Upload{File: form.file, Password: form.password, KeyID: form.KeyID, TeamID: form.TeamID}
	if form.Environment != "" {
		env, err := aurora.ParseEnvironment(form.Environment)
		if err != nil {
			return err
		}
		up.Environment = env
	}
	_, err := c.Account.StoreCredential(r.Context(), v.app, up)
	return err
}

// rightForm notices a key in the certificate's form and the reverse, where the
// refusal would speak of fields that the form does not have.
func (f uploadForm) rightForm() error {
	pem := bytes.HasPrefix(bytes.TrimSpace(f.file), []byte("-----BEGIN"))
	key := pem && bytes.Contains(f.file, []byte("PRIVATE KEY-----")) && !bytes.Contains(f.file, []byte("CERTIFICATE-----"))
	switch {
	case f.Kind == "p8" && !pem:
		return aurora.Errorf(aurora.Invalid, "This is not a .p8 key: such a file is text and begins with -----BEGIN PRIVATE KEY-----. If it is a certificate, use the form for .p12 files.")
	case f.Kind == "p12" && key:
		return aurora.Errorf(aurora.Invalid, "This is a private key alone, as in a .p8 file. Use the form for keys, or export the certificate together with its key as .p12.")
	}
	return nil
}

// isUpload reports whether the body is a form with a file, which its handler
// reads part by part.
func isUpload(r *http.Request) bool {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return kind == "multipart/form-data"
}

// readUpload reads the form to its end even when the file is too large, so
// that the other fields survive the refusal.
func readUpload(w http.ResponseWriter, r *http.Request) (uploadForm, error) {
	form := uploadForm{Kind: "p12"}
	if !isUpload(r) {
		return form, aurora.Errorf(aurora.Invalid, "The form came without a file. Load the page again and choose one.")
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxUpload)
	parts, err := r.MultipartReader()
	if err != nil {
		return form, refuseForm(err)
	}
	var refusal error
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return form, refusal
		}
		if err == nil {
			err = form.read(part)
		}
		if aurora.KindOf(err) != aurora.Internal {
			refusal = err
		} else if err != nil {
			return form, refuseUpload(err)
		}
	}
}

func (f *uploadForm) read(part *multipart.Part) error {
	limit := int64(maxField)
	if part.FormName() == "file" {
		limit = maxCredential
	}
	var b bytes.Buffer
	if _, err := io.Copy(&b, io.LimitReader(part, limit+1)); err != nil {
		return err
	}
	if int64(b.Len()) > limit {
		if _, err := io.Copy(io.Discard, part); err != nil {
			return err
		}
		if part.FormName() == "file" {
			return errFileTooLarge
		}
		return aurora.Errorf(aurora.TooLarge, "A field of the form is longer than %s.", bytesText(maxField))
	}
	if name := part.FormName(); name != "file" {
		if err := aurora.CheckText(name, b.String()); err != nil {
			return err
		}
	}
	value := strings.TrimSpace(b.String())
	switch part.FormName() {
	case "file":
		f.file = b.Bytes()
	case "password":
		f.password = b.String()
	case "key_id":
		f.KeyID = value
	case "team_id":
		f.TeamID = value
	case "environment":
		f.Environment = value
	case "kind":
		if value == "p8" {
			f.Kind = value
		}
	}
	return nil
}

var errFileTooLarge = aurora.Errorf(aurora.TooLarge, "The file is larger than %s. A push credential has a few KiB: choose the .p12 exported from Keychain Access or the .p8 from Apple's developer site.", bytesText(maxCredential))

func refuseUpload(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return errFileTooLarge
	}
	return aurora.Errorf(aurora.Invalid, "The upload broke off or could not be read. Choose the file and try again.")
}

// probeCredential asks APNs again and shows its verdict where the credential is.
func (c *console) probeCredential(w http.ResponseWriter, r *http.Request, v visit) error {
	env, err := aurora.ParseEnvironment(r.PostForm.Get("environment"))
	if err != nil {
		return err
	}
	if err = c.Account.ProbeCredential(r.Context(), v.app, env); err == nil {
		return c.done(w, r, "/apps/"+v.app.Key+"/credential", "Apple's APNs accepts the credential.")
	}
	if aurora.KindOf(err) == aurora.Internal {
		return err
	}
	return c.showCredentials(w, r, v, statusOf(err), credentialPage{Probed: env, Verdict: c.sentence(r, err)})
}

func (c *console) removeCredential(w http.ResponseWriter, r *http.Request, v visit) error {
	env, err := aurora.ParseEnvironment(r.PostForm.Get("environment"))
	if err != nil {
		return err
	}
	if err := c.Account.RemoveCredential(r.Context(), v.app.ID, env); err != nil {
		return err
	}
	return c.done(w, r, "/apps/"+v.app.Key+"/credential", "The credential was removed.")
}
