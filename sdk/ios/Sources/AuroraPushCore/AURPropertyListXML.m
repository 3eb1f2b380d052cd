// The XML form (Apple's PropertyList-1.0 DTD), in UTF-8. Only what property lists are made of is read; document types with
// entities of their own are refused, because those could multiply.
#import "AURPropertyListReading.h"
#include <stdlib.h>
#include <string.h>

typedef struct {
    char *at, *end;
    AURPropertyListWork *work;
} Reader;

typedef enum { TagNone, TagOpen, TagClose, TagEmpty } TagKind;

typedef struct {
    TagKind kind;
    const char *name;
    size_t length;
} Tag;

static const char CutShort[] = "it is cut short", Blank[] = " \t\r\n";

static id fail(Reader *r, const char *problem) { return AURPropertyListFail(r->work, problem); }

__attribute__((noinline)) static BOOL is(Tag tag, const char *name) { return strlen(name) == tag.length && memcmp(tag.name, name, tag.length) == 0; }

__attribute__((noinline)) static BOOL starts(Reader *r, const char *text) {
    size_t n = strlen(text);
    return (size_t)(r->end - r->at) >= n && memcmp(r->at, text, n) == 0;
}

// Moves behind the next occurrence of text and returns where that begins; NULL when there is none.
__attribute__((noinline)) static char *skipPast(Reader *r, const char *text) {
    char *found = memmem(r->at, (size_t)(r->end - r->at), text, strlen(text));
    if (found == NULL) fail(r, CutShort);
    else r->at = found + strlen(text);
    return found;
}

static BOOL contains(const char *from, const char *end, const char *text) { return memmem(from, (size_t)(end - from), text, strlen(text)) != NULL; }

// Skips the comment, the processing instruction or the document type at the current '<'.
static void skipMarkup(Reader *r) {
    const char *from = r->at;
    if (starts(r, "<!--")) {
        skipPast(r, "-->");
    } else if (starts(r, "<?")) {
        const char *end = skipPast(r, "?>");
        if (end != NULL && contains(from, end, "encoding=") && !contains(from, end, "UTF-8") && !contains(from, end, "utf-8"))
            fail(r, "another encoding than UTF-8 is not read; save the file as UTF-8");
    } else if (starts(r, "<!DOCTYPE")) {
        const char *end = skipPast(r, ">");
        if (end != NULL && contains(from, end, "[")) fail(r, "document type declarations with their own entities are refused");
    } else {
        fail(r, "an unexpected declaration");
    }
}

static BOOL isBlank(char c) { return c != 0 && strchr(Blank, c) != NULL; }

// The next tag. Between tags there may be white space and comments only. TagNone at the end of the file or on a problem.
__attribute__((noinline)) static Tag nextTag(Reader *r) {
    Tag tag = {TagNone, "", 0};
    for (;;) {
        while (r->at < r->end && isBlank(*r->at)) r->at++;
        if (r->at == r->end || r->work->problem != NULL) return tag;
        if (!starts(r, "<!") && !starts(r, "<?")) break;
        skipMarkup(r);
    }
    if (*r->at != '<') fail(r, "text outside of a value");
    const char *from = r->at + 1, *to = skipPast(r, ">");
    if (to == NULL || from >= to) return tag;
    tag.kind = TagOpen;
    if (*from == '/') tag.kind = TagClose, from++;
    else if (to[-1] == '/') tag.kind = TagEmpty, to--;
    tag.name = from;
    while (from + tag.length < to && !isBlank(from[tag.length])) tag.length++; // attributes follow
    return tag;
}

// Decodes the reference at the current '&', such as &amp; or &#20013;, into UTF-8, which is never longer. Returns the end of that.
static char *reference(Reader *r, char *to) {
    static const char *const known[] = {"&amp;", "&", "&lt;", "<", "&gt;", ">", "&quot;", "\"", "&apos;", "'"};
    for (unsigned i = 0; i < sizeof known / sizeof *known; i += 2) {
        if (!starts(r, known[i])) continue;
        *to++ = *known[i + 1];
        r->at += strlen(known[i]);
        return to;
    }
    char *digits = r->at + 2, *end;
    char *semicolon = skipPast(r, ";");
    if (semicolon == NULL || semicolon <= digits || digits[-1] != '#') return NULL;
    BOOL hexadecimal = *digits == 'x';
    unsigned long code = strtoul(digits + hexadecimal, &end, hexadecimal ? 16 : 10);
    if (end != semicolon || code == 0 || code > 0x10ffff || code >> 11 == 0x1b) return NULL;
    unsigned more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3; // bytes after the first
    *to++ = (char)(more == 0 ? code : (0xff00u >> (more + 1) & 0xff) | code >> 6 * more);
    while (more-- > 0) *to++ = (char)(0x80 | (code >> 6 * more & 0x3f));
    return to;
}

// The characters up to the closing tag of element, which is consumed. They are decoded where they stand.
__attribute__((noinline)) static NSString *characters(Reader *r, Tag element) {
    char *from = r->at, *to = from;
    while (element.kind != TagEmpty) {
        if (r->at >= r->end) return fail(r, CutShort);
        if (*r->at == '&') {
            to = reference(r, to);
            if (to == NULL) return fail(r, "an unknown character reference");
        } else if (*r->at != '<') {
            *to++ = *r->at++;
        } else if (starts(r, "<![CDATA[")) {
            char *raw = r->at + 9, *end = skipPast(r, "]]>");
            if (end == NULL) return nil;
            memmove(to, raw, (size_t)(end - raw));
            to += end - raw;
        } else if (starts(r, "<!--")) {
            skipMarkup(r);
        } else {
            Tag tag = nextTag(r);
            if (tag.kind != TagClose || tag.length != element.length || memcmp(tag.name, element.name, tag.length) != 0) return fail(r, "an element stands inside of a text");
            break;
        }
    }
    return [[NSString alloc] initWithBytes:from length:(NSUInteger)(to - from) encoding:NSUTF8StringEncoding] ?: fail(r, "a string is not valid UTF-8");
}

static id value(Reader *r, Tag tag, int depth);

static id container(Reader *r, Tag tag, BOOL dictionary, int depth) {
    NSMutableDictionary *members = [NSMutableDictionary dictionary];
    while (tag.kind != TagEmpty) {
        Tag next = nextTag(r);
        if (next.kind == TagClose && is(next, dictionary ? "dict" : "array")) break;
        if (!dictionary) {
            if (value(r, next, depth + 1) == nil) return nil;
            continue;
        }
        if (!is(next, "key")) return fail(r, "something else than a <key> stands in a <dict>");
        NSString *key = characters(r, next);
        if (AURPropertyListAdd(r->work, members, key, value(r, nextTag(r), depth + 1)) == nil) return nil;
    }
    return dictionary ? members : [NSNull null];
}

static id value(Reader *r, Tag tag, int depth) {
    if (!AURPropertyListEnter(r->work, depth)) return nil;
    if (tag.kind != TagOpen && tag.kind != TagEmpty) return fail(r, tag.kind == TagNone ? CutShort : "a value is missing");
    BOOL dictionary = is(tag, "dict");
    if (dictionary || is(tag, "array")) return container(r, tag, dictionary, depth);
    NSString *text = characters(r, tag);
    if (text == nil || is(tag, "string")) return text;
    if (is(tag, "true") || is(tag, "false")) return is(tag, "true") ? @YES : @NO;
    if (is(tag, "integer")) return @(text.longLongValue);
    return is(tag, "real") || is(tag, "date") || is(tag, "data") ? [NSNull null] : fail(r, "an element that property lists do not have");
}

id AURParseXMLPropertyList(char *bytes, NSUInteger length, AURPropertyListWork *work) {
    Reader reader = {bytes, bytes + length, work}, *r = &reader;
    if (starts(r, "\xef\xbb\xbf")) r->at += 3;
    while (r->at < r->end && isBlank(*r->at)) r->at++;
    if (!starts(r, "<")) return fail(r, "it is neither XML nor binary; convert it with: plutil -convert xml1 PushConfig.plist");
    if (!is(nextTag(r), "plist")) return fail(r, "the outermost element must be <plist>");
    id result = value(r, nextTag(r), 0);
    if (result == nil || !is(nextTag(r), "plist")) return fail(r, "<plist> holds more than one value");
    return nextTag(r).kind == TagNone ? result : fail(r, "something follows </plist>");
}
