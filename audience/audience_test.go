package audience_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
	. "github.com/aurora-push/aurora/audience"
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

func randomCrowd(r *rand.Rand) crowd {
	c := make(crowd, 200)
	for i := range c {
		c[i] = Subject{RegistrationID: fmt.Sprintf("rid%08d", i), Platform: pick(r, "ios", "android"), Token: pick(r, "", "development", "production"), Alias: pick(r, "", "a", "b")}
		if r.IntN(3) == 0 {
			c[i].States = []string{pick(r, OptedOut, Quarantined)}
		}
		for _, tag := range []string{"vip", "beijing", "new york", "晚报"} {
			if r.IntN(2) == 0 {
				c[i].Tags = append(c[i].Tags, tag)
			}
		}
	}
	return c
}

func randomExpr(r *rand.Rand, depth int) Expr {
	if depth == 0 || r.IntN(4) == 0 {
		switch r.IntN(7) {
		case 6:
			return Is(State, pick(r, OptedOut, Quarantined))
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
		}
		return Is(Tag, pick(r, "vip", "beijing", "new york", "晚报", "unused", `quo"te`))
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

func TestParseRefusals(t *testing.T) {
	for text, want := range map[string]string{
		"":                                "begins with",
		"vip":                             "begins with",
		"tag":                             "colon",
		"tag:":                            "value is missing",
		`tag:"vip`:                        "does not end",
		`tag:""`:                          "not a value",
		"tag:a tag:b":                     "join terms",
		"(tag:a":                          "closing parenthesis",
		"tag:a &":                         "begins with",
		strings.Repeat("!", 1000) + "all": "deep",
		strings.Repeat("(", 100000):       "deep",
		strings.Repeat("a", MaxText+1):    "bytes long",
		"tag:a" + strings.Repeat("|tag:a", MaxTerms): "more than",
	} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%.30q) = %v, want an error containing %q", text, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"all", "tag:vip & (tag:beijing || tag:\"new york\") & !alias:reader-17", "!!all", "registration:1a0018970a91b2c3d4e|token:production", "tag:\"\\u00e9\""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := Parse(text)
		if err != nil {
			return
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
