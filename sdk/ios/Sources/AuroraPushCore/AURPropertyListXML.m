// The XML form (Apple's PropertyList-1.0 DTD), in UTF-8. Only what property lists are made of is read; document types with
// entities of their own are refused, because those could multiply.
#import "AURPropertyListReading.h"
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *at, *end;
    AURPropertyListWork *work;
} Reader;

typedef enum { TagNone, TagOpen, TagClose, TagEmpty } TagKind;

typedef struct {
    TagKind kind;
    const char *name;
    size_t length;
} Tag;

__attribute__((noinline)) static BOOL is(Tag tag, const char *name) { return strlen(name) == tag.length && memcmp(tag.name, name, tag.length) == 0; }

static NSString *nameOf(Tag tag) {
    return [[NSString alloc] initWithBytes:tag.name length:MIN(tag.length, 40u) encoding:NSUTF8StringEncoding] ?: @"?";
}

static BOOL starts(Reader *r, const char *text) {
    size_t n = strlen(text);
    return (size_t)(r->end - r->at) >= n && memcmp(r->at, text, n) == 0;
}

// Moves behind the next occurrence of text; NO when there is none.
static BOOL skipPast(Reader *r, const char *text) {
    const char *found = memmem(r->at, (size_t)(r->end - r->at), text, strlen(text));
    if (found == NULL) {
        AURPropertyListFail(r->work, @"it is cut short");
        return NO;
    }
    r->at = found + strlen(text);
    return YES;
}

// Skips a comment, a processing instruction or a document type at the current '<'. NO when there is none of these.
static BOOL skipMarkup(Reader *r) {
    if (starts(r, "<!--")) return skipPast(r, "-->");
    if (starts(r, "<?")) {
        const char *from = r->at;
        if (!skipPast(r, "?>")) return NO;
        const char *encoding = memmem(from, (size_t)(r->at - from), "encoding=", 9);
        if (encoding != NULL && strncasecmp(encoding + 10, "utf-8", 5) != 0) {
            AURPropertyListFail(r->work, @"another encoding than UTF-8 is not read; save the file as UTF-8");
            return NO;
        }
        return YES;
    }
    if (starts(r, "<!DOCTYPE")) {
        const char *from = r->at;
        if (!skipPast(r, ">")) return NO;
        if (memchr(from, '[', (size_t)(r->at - from)) == NULL) return YES;
        AURPropertyListFail(r->work, @"document type declarations with their own entities are refused");
    }
    return NO;
}

// The next tag. Between tags there may be white space and comments only. TagNone at the end of the file or on a problem.
static Tag nextTag(Reader *r) {
    Tag none = {TagNone, "", 0};
    while (r->work->problem == nil) {
        while (r->at < r->end && strchr(" \t\r\n", *r->at) != NULL && *r->at != 0) r->at++;
        if (r->at == r->end) return none;
        if (*r->at != '<') {
            AURPropertyListFail(r->work, @"text outside of a value");
            return none;
        }
        if (starts(r, "<!") || starts(r, "<?")) {
            if (skipMarkup(r)) continue;
            AURPropertyListFail(r->work, @"an unexpected declaration");
            return none;
        }
        const char *from = r->at + 1;
        if (!skipPast(r, ">")) return none;
        const char *to = r->at - 1;
        Tag tag = {TagOpen, from, 0};
        if (from < to && *from == '/') tag.kind = TagClose, tag.name = ++from;
        else if (to > from && to[-1] == '/') tag.kind = TagEmpty, to--;
        while (from + tag.length < to && strchr(" \t\r\n", from[tag.length]) == NULL) tag.length++; // attributes follow
        if (memchr(from, '<', (size_t)(to - from)) == NULL && tag.length > 0) return tag;
        AURPropertyListFail(r->work, @"a malformed tag");
    }
    return none;
}

// Appends the character that a reference such as &amp; or &#20013; stands for.
static BOOL appendReference(NSMutableData *text, const char *name, size_t length) {
    static const struct { const char *name, *value; } known[] = {{"amp", "&"}, {"lt", "<"}, {"gt", ">"}, {"quot", "\""}, {"apos", "'"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strlen(known[i].name) != length || memcmp(known[i].name, name, length) != 0) continue;
        [text appendBytes:known[i].value length:1];
        return YES;
    }
    char digits[12] = {0};
    if (length < 2 || length >= sizeof digits || name[0] != '#') return NO;
    memcpy(digits, name + 1, length - 1);
    BOOL hexadecimal = digits[0] == 'x';
    char *end;
    unsigned long code = strtoul(digits + hexadecimal, &end, hexadecimal ? 16 : 10);
    if (*end != 0 || end == digits + hexadecimal || code == 0 || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return NO;
    uint32_t scalar = NSSwapHostIntToLittle((unsigned int)code);
    NSString *one = [[NSString alloc] initWithBytes:&scalar length:4 encoding:NSUTF32LittleEndianStringEncoding];
    NSData *utf8 = [one dataUsingEncoding:NSUTF8StringEncoding];
    if (utf8 == nil) return NO;
    [text appendData:utf8];
    return YES;
}

// The characters up to the closing tag of element, which is consumed.
static NSString *characters(Reader *r, Tag element) {
    if (element.kind == TagEmpty) return @"";
    NSMutableData *text = [NSMutableData data];
    while (r->at < r->end) {
        const char *from = r->at;
        if (starts(r, "<![CDATA[")) {
            from += 9;
            if (!skipPast(r, "]]>")) return nil;
            [text appendBytes:from length:(NSUInteger)(r->at - 3 - from)];
        } else if (starts(r, "<!--")) {
            if (!skipMarkup(r)) return nil;
        } else if (*from == '<') {
            Tag tag = nextTag(r);
            if (tag.kind != TagClose || tag.length != element.length || memcmp(tag.name, element.name, tag.length) != 0)
                return AURPropertyListFail(r->work, @"<%@> inside <%@>", nameOf(tag), nameOf(element));
            return [[NSString alloc] initWithData:text encoding:NSUTF8StringEncoding] ?: AURPropertyListFail(r->work, @"a string is not valid UTF-8");
        } else if (*from == '&') {
            if (!skipPast(r, ";")) return nil;
            if (!appendReference(text, from + 1, (size_t)(r->at - 1 - (from + 1)))) return AURPropertyListFail(r->work, @"an unknown character reference");
        } else {
            while (r->at < r->end && *r->at != '<' && *r->at != '&') r->at++;
            [text appendBytes:from length:(NSUInteger)(r->at - from)];
        }
    }
    return AURPropertyListFail(r->work, @"it is cut short");
}

static id value(Reader *r, Tag tag, int depth);

static BOOL closes(Reader *r, Tag tag, const char *name) {
    if (tag.kind == TagClose && is(tag, name)) return YES;
    if (tag.kind == TagNone) AURPropertyListFail(r->work, @"it is cut short");
    else if (tag.kind == TagClose) AURPropertyListFail(r->work, @"</%@> does not belong there", nameOf(tag));
    return NO;
}

static id dictionary(Reader *r, Tag tag, int depth) {
    NSMutableDictionary *result = [NSMutableDictionary dictionary];
    if (tag.kind == TagEmpty) return result;
    for (;;) {
        Tag next = nextTag(r);
        if (closes(r, next, "dict")) return result;
        if (r->work->problem != nil) return nil;
        if (!is(next, "key")) return AURPropertyListFail(r->work, @"<%@> in a <dict> where a <key> is expected", nameOf(next));
        NSString *key = characters(r, next);
        if (key == nil) return nil;
        next = nextTag(r);
        if (next.kind == TagNone || next.kind == TagClose) return AURPropertyListFail(r->work, @"the key %@ has no value", key);
        id entry = value(r, next, depth + 1);
        if (entry == nil) return nil;
        if (result[key] != nil) return AURPropertyListFail(r->work, @"the key %@ appears twice; keep one", key);
        result[key] = entry;
    }
}

static id array(Reader *r, Tag tag, int depth) {
    NSMutableArray *result = [NSMutableArray array];
    if (tag.kind == TagEmpty) return result;
    for (;;) {
        Tag next = nextTag(r);
        if (closes(r, next, "array")) return result;
        if (r->work->problem != nil) return nil;
        id entry = value(r, next, depth + 1);
        if (entry == nil) return nil;
        [result addObject:entry];
    }
}

static NSDate *date(NSString *text) {
    NSDateFormatter *format = [[NSDateFormatter alloc] init];
    format.locale = [[NSLocale alloc] initWithLocaleIdentifier:@"en_US_POSIX"];
    format.timeZone = [NSTimeZone timeZoneForSecondsFromGMT:0];
    format.dateFormat = @"yyyy-MM-dd'T'HH:mm:ss'Z'";
    return [format dateFromString:text];
}

static id value(Reader *r, Tag tag, int depth) {
    if (!AURPropertyListEnter(r->work, depth)) return nil;
    if (is(tag, "dict")) return dictionary(r, tag, depth);
    if (is(tag, "array")) return array(r, tag, depth);
    NSString *text = characters(r, tag);
    if (text == nil || is(tag, "string")) return text;
    if (is(tag, "true") || is(tag, "false")) return is(tag, "true") ? @YES : @NO;
    id result = nil;
    text = [text stringByTrimmingCharactersInSet:[NSCharacterSet whitespaceAndNewlineCharacterSet]];
    char *end = "";
    if (is(tag, "integer")) result = @(strtoll(text.UTF8String, &end, 0));
    if (is(tag, "real")) result = @(strtod(text.UTF8String, &end));
    if (is(tag, "date")) result = date(text);
    if (is(tag, "data")) result = [[NSData alloc] initWithBase64EncodedString:text options:NSDataBase64DecodingIgnoreUnknownCharacters];
    if (*end != 0 || (text.length == 0 && !is(tag, "data"))) result = nil;
    return result ?: AURPropertyListFail(r->work, @"<%@> is not a property list element, or its value is malformed", nameOf(tag));
}

id AURParseXMLPropertyList(const char *bytes, NSUInteger length, AURPropertyListWork *work) {
    Reader r = {bytes, bytes + length, work};
    Tag root = nextTag(&r);
    if (root.kind != TagOpen || !is(root, "plist")) return AURPropertyListFail(work, @"the outermost element must be <plist>");
    Tag first = nextTag(&r);
    if (first.kind != TagOpen && first.kind != TagEmpty) return AURPropertyListFail(work, @"<plist> is empty");
    id result = value(&r, first, 0);
    if (result == nil || !closes(&r, nextTag(&r), "plist")) return AURPropertyListFail(work, @"<plist> holds more than one value");
    if (nextTag(&r).kind != TagNone) AURPropertyListFail(work, @"something follows </plist>");
    return work->problem == nil ? result : nil;
}
