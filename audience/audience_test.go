package audience

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
)

// crowd is a source made of devices held in memory.
type crowd []Subject

func (c crowd) Everyone() (*roaring.Bitmap, error) {
	return c.where(func(Subject) bool { return true }), nil
}
func (c crowd) With(t Term) (*roaring.Bitmap, error) {
	return c.where(Expr{Op: OpTerm, Term: t}.Match), nil
}
func (c crowd) where(f func(Subject) bool) *roaring.Bitmap {
	b := roaring.New()
	for i, s := range c {
		if f(s) {
			b.Add(uint32(i))
		}
	}
	return b
}

var (
	tagNames = []string{"vip", "beijing", "new york", "晚报"}
	versions = []string{"", "2.3", "2.3.0", "2.10", "2.9.1-beta", "v3", "2.3 (77)"}
	tongues  = []string{"", "zh", "zh-Hans-CN", "zh_TW", "en", "EN-gb"}
	now      = time.Date(2026, 11, 23, 13, 30, 0, 0, time.UTC)
)

func randomCrowd(r *rand.Rand) crowd {
	c := make(crowd, 200)
	for i := range c {
		env := pick(r, "", "development", "production")
		c[i] = Subject{RegistrationID: fmt.Sprintf("rid%08d", i), Platform: pick(r, "ios", "android"), Environment: env, Token: env, Alias: pick(r, "", "a", "b"),
			Version: pick(r, versions...), OS: pick(r, versions...), Language: pick(r, tongues...), Channel: pick(r, "", "store", "test"),
			Registered: now.Add(-time.Duration(r.IntN(100*24)) * time.Hour), Now: now}
		c[i].Seen = c[i].Registered.Add(time.Duration(r.Int64N(int64(now.Sub(c[i].Registered)) + 1)))
		if r.IntN(3) == 0 {
			c[i].States, c[i].Token = []string{pick(r, OptedOut, Quarantined)}, ""
		}
		for _, tag := range tagNames {
			if r.IntN(2) == 0 {
				c[i].Tags = append(c[i].Tags, tag)
			}
		}
		c[i].Marks = map[Field][]string{}
		for _, f := range []Field{Targeted, Sent, Received, Opened} {
			if r.IntN(2) == 0 {
				c[i].Marks[f] = []string{pick(r, "17", "18")}
			}
		}
	}
	return c
}

func randomTerm(r *rand.Rand) Expr {
	compared := func(f Field, value string, least int) Expr {
		return Expr{Op: OpTerm, Term: Term{f, value, Rel(least + r.IntN(5-least))}}
	}
	switch r.IntN(15) {
	case 0:
		return All()
	case 1:
		return Is(Alias, pick(r, "a", "b", "nobody"))
	case 2:
		return Is(Registration, fmt.Sprintf("rid%08d", r.IntN(250)))
	case 3:
		return Is(Platform, pick(r, "ios", "android"))
	case 4:
		return Is(Token, pick(r, "development", "production"))
	case 5:
		return Is(Environment, pick(r, "development", "production"))
	case 6:
		return Is(State, pick(r, OptedOut, Quarantined))
	case 7:
		return compared(Field(pick(r, "version", "os")), pick(r, versions[1:]...), 0)
	case 8:
		return Is(Language, NormalLanguage(pick(r, append(tongues[1:], "z", "zh-hans")...)))
	case 9:
		return Is(Channel, pick(r, "store", "test", "nowhere"))
	case 10:
		return compared(Field(pick(r, "seen", "registered")), pick(r, "0d", "1d", "5w", "50d", "400w"), 1)
	case 11:
		return compared(Field(pick(r, "seen", "registered")), Date(now.AddDate(0, 0, -r.IntN(100))), 0)
	case 12:
		return Is(Field(pick(r, "targeted", "sent", "received", "opened")), pick(r, "17", "18", "19"))
	}
	return Is(Tag, pick(r, append(tagNames, "unused", `quo"te`, "all", "version")...))
}

func randomExpr(r *rand.Rand, depth int) Expr {
	if depth == 0 || r.IntN(4) == 0 {
		return randomTerm(r)
	}
	if r.IntN(4) == 0 {
		return Not(randomExpr(r, depth-1))
	}
	args := []Expr{randomExpr(r, depth-1), randomExpr(r, depth-1), randomExpr(r, depth-1)}
	if r.IntN(2) == 0 {
		return And(args...)
	}
	return Or(args...)
}

func pick(r *rand.Rand, values ...string) string { return values[r.IntN(len(values))] }

// Bitmaps and text form must agree with the definition for any expression.
func TestEvaluateAndParseAgreeWithMatch(t *testing.T) {
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 1))
		c, e := randomCrowd(r), randomExpr(r, 4)
		got, err := e.Evaluate(c)
		if err != nil {
			t.Fatal(err)
		}
		if want := c.where(e.Match); !got.Equals(want) {
			t.Fatalf("seed %d: %v selects %v, by definition %v", seed, e, got, want)
		}
		parsed, err := Parse(e.String())
		if err != nil {
			t.Fatalf("seed %d: %v: %v", seed, e, err)
		}
		if !reflect.DeepEqual(parsed, e) {
			t.Fatalf("seed %d: %v was read back as %v", seed, e, parsed)
		}
		if want := c.where(e.Match); !c.where(e.At(now).Match).Equals(want) {
			t.Fatalf("seed %d: %v becomes %v, which selects others", seed, e, e.At(now))
		}
		for i := range c { // what was fixed stays
			c[i].Now = now.AddDate(0, 0, 40)
		}
		if !c.where(e.At(now).Match).Equals(got) {
			t.Fatalf("seed %d: %v selects others some weeks later", seed, e.At(now))
		}
		terms, depth := e.Size()
		if terms != len(e.Terms()) {
			t.Fatalf("seed %d: %v has %d terms, want %d", seed, e, terms, len(e.Terms()))
		}
		if _, err := parse(e.String(), MaxText, terms+strings.Count(e.String(), "all"), depth, true); err != nil {
			t.Fatalf("seed %d: %v is not %d deep: %v", seed, e, depth, err)
		}
		if depth > 0 {
			if _, err := parse(e.String(), MaxText, MaxTerms, depth-1, true); err == nil {
				t.Fatalf("seed %d: %v is less than %d deep", seed, e, depth)
			}
		}
		if points, ok := e.Points(); ok {
			candidates, _ := Or(exprs(points)...).Evaluate(c)
			if !roaring.AndNot(got, candidates).IsEmpty() {
				t.Fatalf("seed %d: %v selects devices outside its points %v", seed, e, points)
			}
		}
	}
}

func exprs(terms []Term) []Expr {
	var es []Expr
	for _, t := range terms {
		es = append(es, Is(t.Field, t.Value))
	}
	return es
}

// What people write, and the canonical form of it.
func TestRead(t *testing.T) {
	for text, want := range map[string]string{
		"vip && (beijing || shanghai) && !seen>30d": "tag:vip & (tag:beijing | tag:shanghai) & !seen>30d",
		"a | b & c":        "tag:a | (tag:b & tag:c)",
		`"new york" || 晚报`: `tag:"new york" | tag:晚报`,
		"!!all":            "!!all",
		"tag:all && all":   "tag:all & all",
		"version >= 2.3 && os<18 && version != 2.4":      "version>=2.3 & os<18 & !version:2.4",
		"lang=zh_Hans || lang:EN":                        "lang:zh-hans | lang:en",
		"env:sandbox":                                    "env:development",
		"seen<=2w && registered>=2026-01-31":             "seen<=2w & registered>=2026-01-31",
		"received:17 && !opened:17 || sent:1|targeted:2": "(received:17 & !opened:17) | sent:1 | targeted:2",
		"segment:regulars && channel : store":            "segment:regulars & channel:store",
		"state:quarantined || platform:ios":              "state:quarantined | platform:ios",
	} {
		e, err := Read(text)
		if err != nil || e.String() != want {
			t.Errorf("%s reads as %v, %v; want %s", text, e, err, want)
		}
	}
}

// A refusal says where, what is wrong, and what to write instead.
func TestRefusals(t *testing.T) {
	for text, want := range map[string]string{
		"":                                       "character 1: the expression is empty",
		" \t":                                    "character 3: the expression is empty",
		"vip &&":                                 "character 7: a term is missing at the end",
		"晚报 && ":                                 "character 7: a term is missing",
		"&& vip":                                 `not with "&"`,
		"vip beijing":                            `character 5: unexpected "b"; join terms with && or ||`,
		"vip 晚":                                  `character 5: unexpected "晚"`,
		"(vip || a":                              "character 10: a closing parenthesis is missing for the one at character 1",
		"vip)":                                   `character 4: unexpected ")"`,
		"tag":                                    "tag needs a value, such as tag:VALUE; a tag of that name is written tag:tag",
		"a && version":                           "version needs a value, such as version>=2.3",
		"seen":                                   "such as seen<=30d",
		"tags:vip":                               "character 1: there is no field \"tags\"; did you mean tag; the fields are alias, channel, env",
		"a || seenn>3d":                          "character 6: there is no field",
		"token:production":                       "there is no field",
		"list:17":                                "there is no field",
		"tag:":                                   "character 5: a value is missing",
		`tag:"vip`:                               "character 5: the quotation does not end",
		`tag:""`:                                 "is not a value",
		`"a" && tag:"\xff"`:                      "character 12: ",
		"tag>vip":                                "character 5: tag takes a colon and a value, and no comparison",
		"a && " + strings.Repeat("x", 41):        "character 6: ",
		"alias:" + strings.Repeat("晚", 14):       "is 42 bytes long; at most 40 are allowed in alias",
		"platform:symbian":                       "character 10: platform is one of android, ios, quickapp, hmos, winphone",
		"env:test":                               "env is one of development, production",
		"state:bad":                              "state is one of opted_out, quarantined",
		"version>=new":                           "character 10: \"new\" is no version",
		"seen>30":                                "character 6: \"30\" is neither an age such as 30d or 2w nor a date",
		"seen>30h":                               "neither an age",
		"seen>99999999999999999999d":             "neither an age",
		"seen>9999999w":                          "neither an age",
		"seen:30d":                               "an age is compared: seen<=30d for within, seen>30d for longer ago",
		"seen>2026-02-30":                        "nor a date",
		"received:abc":                           "character 10: \"abc\" is no msg_id",
		"opened:0":                               "is no msg_id",
		"opened:12345678901234567":               "is no msg_id",
		"a\xff":                                  "character 2: the text is not valid UTF-8",
		"a \u202e b":                             "unexpected",
		strings.Repeat("!", 33) + "a":            "character 34: nested more than 32 deep",
		strings.Repeat("(", 10000):               "nested more than 32 deep",
		strings.Repeat("(a|", 5000):              "nested more than 32 deep",
		"a" + strings.Repeat("|a", 256):          "more than 256 terms",
		"all" + strings.Repeat("|all", 256):      "more than 256 terms",
		strings.Repeat("a", MaxWrittenText+1):    "bytes long; at most 16384",
		"a" + strings.Repeat("&&a", 10000):       "bytes long",
		strings.Repeat(`tag:"`, 1000):            "unexpected",
		`tag:"a` + strings.Repeat("\\", 9) + `"`: "does not end",
	} {
		_, err := Read(text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want an error containing %q", text, err, want)
		}
	}
	for text, want := range map[string]string{
		strings.Repeat("!", 1000) + "all":            "nested more than 64 deep",
		strings.Repeat("a", MaxText+1):               "bytes long",
		"tag:a" + strings.Repeat("|tag:a", MaxTerms): "more than 4096 terms",
	} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%.30q) = %v, want an error containing %q", text, err, want)
		}
	}
}

func TestCompareVersions(t *testing.T) {
	for _, v := range []struct {
		a, b string
		want int
	}{
		{"2.9", "2.10", -1}, {"2.3", "2.3.0", 0}, {"2.3", "2.3.1", -1}, {"10", "9", 1}, {"2.3.0-beta", "2.3.0", -1}, {"2.3.0-beta", "2.3.0-alpha", 1},
		{"v2.3", "2.3", 0}, {"iOS 17.5", "17.5", 0}, {"17.5+22", "17.5", 0}, {"2.3 (77)", "2.3", 0}, {"2.03", "2.3", 0}, {"1.0b2", "1.0b10", -1},
		{"1.99999999999999999999999", "1.100000000000000000000000", -1}, {"2.3.", "2.3", 0}, {"2..3", "2.3", 0}, {"dev", "1.0", -1}, {"", "0", 0},
	} {
		if got := CompareVersions(v.a, v.b); got != v.want {
			t.Errorf("%q against %q is %d, want %d", v.a, v.b, got, v.want)
		}
	}
}

// It is an order, whatever the texts are.
func FuzzCompareVersions(f *testing.F) {
	f.Add("2.9", "2.10", "2.10.0-beta")
	f.Add("v1", "1.", "1..0")
	f.Add("x", "1x", "1.0(2")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		ab, bc, ac := CompareVersions(a, b), CompareVersions(b, c), CompareVersions(a, c)
		if CompareVersions(a, a) != 0 || CompareVersions(b, a) != -ab {
			t.Fatalf("%q and %q are not ordered", a, b)
		}
		if ab <= 0 && bc <= 0 && (ac > 0 || ab+bc < 0 && ac == 0) {
			t.Fatalf("%q, %q and %q are not ordered: %d, %d, %d", a, b, c, ab, bc, ac)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"all", "tag:vip & (tag:beijing || tag:\"new york\") & !alias:reader-17", "!!all", "registration:1a0018970a91b2c3d4e|token:production", "tag:\"\\u00e9\"",
		"vip && (beijing || shanghai) && !seen>30d", "version>=2.3&&os!=18|lang=zh_Hans", "seen<=2w & registered:2026-01-31", "received:17 && !opened:17", `"new york" || 晚报`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := Parse(text)
		if err != nil {
			return
		}
		if _, err := Read(text); err == nil && len(e.Terms()) > MaxWrittenTerms {
			t.Fatalf("%d terms were read", len(e.Terms()))
		}
		again, err := Parse(e.String())
		if err != nil || again.String() != e.String() {
			t.Fatalf("%q became %q, which reads as %q, %v", text, e, again, err)
		}
	})
}

func TestByBlock(t *testing.T) {
	numbers := roaring.BitmapOf(0, 5, BlockSize-1, BlockSize, 7*BlockSize+3, 1<<32-BlockSize-1, 1<<32-1)
	got, again := map[uint32]int{}, roaring.New()
	last := -1
	for block, part := range ByBlock(numbers) {
		if int(block) <= last {
			t.Errorf("block %d comes after %d", block, last)
		}
		last = int(block)
		got[block] = int(part.GetCardinality())
		again.Or(part)
	}
	want := map[uint32]int{0: 3, 1: 1, 7: 1, 1<<16 - 2: 1, 1<<16 - 1: 1}
	if !reflect.DeepEqual(got, want) || !again.Equals(numbers) {
		t.Errorf("split into %v, want %v", got, want)
	}
}
