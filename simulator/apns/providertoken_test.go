package apns

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

func bearerHeader(token string) http.Header { return header("authorization", "bearer "+token) }

func TestProviderTokenTolerance(t *testing.T) {
	s, _, token, _ := live(t, Config{})
	key := mustIssue(t, s, IssueRequest{Key: true})
	now := time.Now()
	strict := DefaultPolicy()
	strict.StrictTokens = true

	for _, test := range []struct {
		name             string
		authorization    string
		tolerant, strict int
	}{
		{"JOSE signature", "bearer " + signToken(t, key, now, nil), 200, 200},
		{"scheme in capitals", "Bearer " + signToken(t, key, now, nil), 200, 200},
		{"DER signature", "bearer " + signToken(t, key, now, func(p *tokenParts) { p.der = true }), 200, 403},
		{"padded standard base64", "bearer " + signToken(t, key, now, func(p *tokenParts) {
			p.encoding = base64.StdEncoding
			p.header = fmt.Sprintf(`{"alg":"ES256","kid":%q,"x":"??>>??"}`, key.KeyID) // needs + or / and padding
		}), 200, 403},
		{"white space and typ", "bearer " + signToken(t, key, now, func(p *tokenParts) {
			p.header = fmt.Sprintf(`{ "alg" : "ES256", "kid" : %q, "typ": "JWT" }`, key.KeyID)
		}), 200, 200},
		{"iat as a string", "bearer " + signToken(t, key, now, func(p *tokenParts) {
			p.claims = fmt.Sprintf(`{"iss":%q,"iat":"%d"}`, key.TeamID, now.Unix())
		}), 403, 403},
		{"no iat", "bearer " + signToken(t, key, now, func(p *tokenParts) { p.claims = fmt.Sprintf(`{"iss":%q}`, key.TeamID) }), 403, 403},
		{"other algorithm", "bearer " + signToken(t, key, now, func(p *tokenParts) {
			p.header = strings.Replace(p.header, "ES256", "HS256", 1)
		}), 403, 403},
		{"other team", "bearer " + signToken(t, key, now, func(p *tokenParts) {
			p.claims = fmt.Sprintf(`{"iss":"OTHERTEAM1","iat":%d}`, now.Unix())
		}), 403, 403},
		{"unknown key", "bearer " + signToken(t, key, now, func(p *tokenParts) { p.header = `{"alg":"ES256","kid":"ABCDEFGHIJ"}` }), 403, 403},
		{"bent signature", "bearer " + bend(signToken(t, key, now, nil)), 403, 403},
	} {
		t.Run(test.name, func(t *testing.T) {
			for mode, want := range map[*Policy]int{new(DefaultPolicy()): test.tolerant, &strict: test.strict} {
				if err := s.SetPolicy(*mode); err != nil {
					t.Fatal(err)
				}
				r := newProvider(t, s, Production, nil).push(t, push{token: token, header: header("authorization", test.authorization)})
				if r.Status != want || want == 403 && r.Reason != "InvalidProviderToken" {
					t.Errorf("strict %v: %d %s, want %d", mode.StrictTokens, r.Status, r.Reason, want)
				}
			}
		})
	}
}

// bend changes a bit in the middle of the signature.
func bend(token string) string {
	i := len(token) - 40
	c := byte('A')
	if token[i] == 'A' {
		c = 'B'
	}
	return token[:i] + string(c) + token[i+1:]
}

func TestProviderTokenAge(t *testing.T) {
	s, _, token, _ := live(t, Config{})
	key := mustIssue(t, s, IssueRequest{Key: true})
	now := time.Now()
	fresh := signToken(t, key, now, nil)
	p := newProvider(t, s, Production, nil)
	if r := p.push(t, push{token: token, header: bearerHeader(fresh)}); r.Status != 200 {
		t.Fatalf("fresh: %+v", r)
	}
	s.ChangeClock(ClockChange{Set: now.Add(59 * time.Minute)})
	if r := p.push(t, push{token: token, header: bearerHeader(fresh)}); r.Status != 200 {
		t.Fatalf("after 59 minutes: %+v", r)
	}
	s.ChangeClock(ClockChange{Set: now.Add(61 * time.Minute)})
	if r := p.push(t, push{token: token, header: bearerHeader(fresh)}); r.Status != 403 || r.Reason != "ExpiredProviderToken" {
		t.Fatalf("after 61 minutes: %+v", r)
	}
	if r := p.push(t, push{token: token, header: bearerHeader(signToken(t, key, now.Add(61*time.Minute), nil))}); r.Status != 200 {
		t.Fatalf("a new one: %+v", r)
	}
}

// oneConnection is for tests that need their pushes on one connection: with a
// limit of one the standard library's client dials another as soon as a push
// comes before it has noticed the end of the last.
func oneConnection() Config {
	policy := DefaultPolicy()
	policy.InitialStreams = 100
	return Config{Policy: &policy}
}

func TestTokenUpdatesTooOften(t *testing.T) {
	s, _, token, _ := live(t, oneConnection())
	key := mustIssue(t, s, IssueRequest{Key: true})
	now := time.Now()
	first := signToken(t, key, now.Add(-30*time.Minute), nil)
	p := newProvider(t, s, Production, nil)
	try := func(jwt string, status int, reason string) {
		t.Helper()
		if r := p.push(t, push{token: token, header: bearerHeader(jwt)}); r.Status != status || r.Reason != reason {
			t.Fatalf("%d %s, want %d %s", r.Status, r.Reason, status, reason)
		}
	}
	try(first, 200, "")
	try(signToken(t, key, now.Add(-11*time.Minute), nil), 429, "TooManyProviderTokenUpdates")
	try(first, 200, "")                                            // the old one still works
	try(signToken(t, key, now.Add(-30*time.Minute), nil), 200, "") // same claims, another signature
	try(signToken(t, key, now.Add(-10*time.Minute), nil), 200, "") // twenty minutes later
	elsewhere := newProvider(t, s, Production, nil)                // another connection counts for itself
	if r := elsewhere.push(t, push{token: token, header: bearerHeader(signToken(t, key, now, nil))}); r.Status != 200 {
		t.Fatalf("on another connection: %+v", r)
	}

	wide := s.Policy()
	wide.TokenUpdateScope = "key"
	if err := s.SetPolicy(wide); err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{200, 429} {
		p = newProvider(t, s, Production, nil)
		r := p.push(t, push{token: token, header: bearerHeader(signToken(t, key, now.Add(time.Duration(i)*time.Minute), nil))})
		if r.Status != want {
			t.Errorf("with the key as scope, connection %d: %+v, want %d", i+1, r, want)
		}
	}
}

func TestKeyScopes(t *testing.T) {
	s, phone, token, sandbox := live(t, oneConnection())
	const second = "com.example.Second"
	other := phone.register(second, Production, "i1")
	team := mustIssue(t, s, IssueRequest{Key: true, BundleID: testBundle})
	topical := mustIssue(t, s, IssueRequest{Key: true, Topics: []string{testBundle}})
	related := mustIssue(t, s, IssueRequest{Key: true, Topics: []string{testBundle}, RelatedTo: topical.KeyID})
	developing := mustIssue(t, s, IssueRequest{Key: true, Development: true})
	stranger := mustIssue(t, s, IssueRequest{Key: true, TeamID: "STRANGERS1"})
	now := time.Now()

	type step struct {
		key    *Issued
		token  string
		topic  string
		status int
		reason string
	}
	for _, test := range []struct {
		name        string
		environment Environment
		steps       []step
	}{
		{"a team key covers its topics", Production, []step{{team, token, testBundle, 200, ""}, {team, other, second, 200, ""}}},
		{"a topic key covers its own", Production, []step{{topical, token, testBundle, 200, ""}, {topical, other, second, 400, "TopicDisallowed"}}},
		{"an unrelated key needs another connection", Production, []step{{team, token, testBundle, 200, ""}, {topical, token, testBundle, 403, "UnrelatedKeyIdInToken"}}},
		{"a related key does not", Production, []step{{topical, token, testBundle, 200, ""}, {related, token, testBundle, 200, ""}}},
		{"a key for the other environment", Production, []step{{developing, token, testBundle, 403, "BadEnvironmentKeyInToken"}}},
		{"a key for this environment", Development, []step{{developing, sandbox, testBundle, 200, ""}}},
		{"an app of another team", Production, []step{{stranger, token, testBundle, 400, "TopicDisallowed"}}},
		{"two teams on one connection", Production, []step{{team, token, testBundle, 200, ""}, {stranger, token, testBundle, 403, "InvalidProviderToken"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newProvider(t, s, test.environment, nil)
			for i, step := range test.steps {
				h := bearerHeader(signToken(t, step.key, now, nil))
				h.Set("apns-topic", step.topic)
				if r := p.push(t, push{token: step.token, header: h}); r.Status != step.status || r.Reason != step.reason {
					t.Fatalf("step %d: %d %s, want %d %s", i+1, r.Status, r.Reason, step.status, step.reason)
				}
			}
		})
	}
	if err := s.Revoke(team.KeyID); err != nil {
		t.Fatal(err)
	}
	h := bearerHeader(signToken(t, team, now, nil))
	if r := newProvider(t, s, Production, nil).push(t, push{token: token, header: h}); r.Status != 403 || r.Reason != "InvalidProviderToken" {
		t.Errorf("a revoked key: %+v", r)
	}
}

func FuzzProviderToken(f *testing.F) {
	s, err := NewServer(Config{})
	if err != nil {
		f.Fatal(err)
	}
	key := mustIssue(f, s, IssueRequest{Key: true})
	now := time.Now()
	f.Add(signToken(f, key, now, nil))
	f.Add(signToken(f, key, now, func(p *tokenParts) { p.der = true }))
	f.Add(signToken(f, key, now, func(p *tokenParts) { p.encoding = base64.StdEncoding }))
	f.Add("e30.e30.")
	f.Add("..")
	f.Fuzz(func(t *testing.T, text string) {
		strict, strictErr := parseProviderToken(text, true)
		tolerant, err := parseProviderToken(text, false)
		if strictErr == nil && err != nil {
			t.Fatalf("strict takes what tolerant refuses: %v", err)
		}
		for _, token := range []*providerToken{strict, tolerant} {
			if token == nil {
				continue
			}
			if len(token.signature) != 64 || !strings.HasPrefix(text, token.signed+".") || token.keyID == "" || token.team == "" {
				t.Fatalf("%+v", token)
			}
			token.verify(s.keys.find(key.KeyID).public)
		}
	})
}
