// The binary form, version "00": a table of objects that refer to each other by number, a table of their offsets, and a
// trailer of 32 bytes. References are followed from the top object; an object that contains itself is refused.
#import "AURPropertyListReading.h"
#include <math.h>
#include <string.h>

typedef struct {
    const uint8_t *bytes;    // from the start of the file
    uint64_t end;            // objects live below it
    const uint8_t *offsets;
    unsigned offsetSize, refSize;
    uint64_t count;
    uint64_t open[AURPropertyListMaxDepth + 1]; // containers on the path from the top
    AURPropertyListWork *work;
} Reader;

static id object(Reader *r, uint64_t number, int depth);

static uint64_t bigEndian(const uint8_t *p, unsigned size) {
    uint64_t n = 0;
    while (size-- > 0) n = n << 8 | *p++;
    return n;
}

// Sizes below 8 are unsigned, 8 is signed, 16 holds what does not fit a signed 64 bit number.
static BOOL integer(Reader *r, uint64_t at, unsigned power, int64_t *n) {
    unsigned size = 1u << power;
    if (power > 4 || r->end - at < size) return NO;
    if (size == 16 && (bigEndian(r->bytes + at, 8) != 0 || r->bytes[at + 8] > 127)) return NO;
    *n = (int64_t)bigEndian(r->bytes + at, size);
    return YES;
}

static BOOL real(Reader *r, uint64_t at, unsigned power, double *d) {
    unsigned size = 1u << power;
    if ((size != 4 && size != 8) || r->end - at < size) return NO;
    uint64_t raw = bigEndian(r->bytes + at, size);
    if (size == 8) {
        memcpy(d, &raw, sizeof *d);
    } else {
        uint32_t half = (uint32_t)raw;
        float f;
        memcpy(&f, &half, sizeof f);
        *d = f;
    }
    return YES;
}

// The number of elements of an object of variable size; moves at to the first.
static BOOL length(Reader *r, uint64_t *at, unsigned info, uint64_t unit, uint64_t *n) {
    int64_t value = info;
    if (info == 0x0f) {
        if (*at >= r->end || r->bytes[*at] >> 4 != 1) return NO;
        unsigned power = r->bytes[*at] & 0x0f;
        if (!integer(r, *at + 1, power, &value) || value < 0) return NO;
        *at += 1 + (1u << power);
    }
    *n = (uint64_t)value;
    return *n <= (r->end - *at) / unit;
}

static id text(Reader *r, uint64_t at, unsigned kind, unsigned info) {
    uint64_t n, unit = kind == 0x6 ? 2 : 1;
    if (!length(r, &at, info, unit, &n)) return AURPropertyListFail(r->work, @"a value reaches beyond the end of the file");
    const uint8_t *raw = r->bytes + at;
    if (kind == 0x4) return [NSData dataWithBytes:raw length:(NSUInteger)n];
    NSStringEncoding encoding = kind == 0x6 ? NSUTF16BigEndianStringEncoding : NSUTF8StringEncoding;
    NSString *string = n == 0 ? @"" : [[NSString alloc] initWithBytes:raw length:(NSUInteger)(n * unit) encoding:encoding];
    return string ?: AURPropertyListFail(r->work, @"a string is not valid text");
}

static id dictionary(Reader *r, uint64_t at, uint64_t n, int depth) {
    NSMutableDictionary *result = [NSMutableDictionary dictionary];
    for (uint64_t i = 0; i < n; i++) {
        NSString *key = object(r, bigEndian(r->bytes + at + i * r->refSize, r->refSize), depth + 1);
        if (key == nil) return nil;
        if (![key isKindOfClass:[NSString class]]) return AURPropertyListFail(r->work, @"a key is not text");
        id value = object(r, bigEndian(r->bytes + at + (n + i) * r->refSize, r->refSize), depth + 1);
        if (value == nil) return nil;
        if (result[key] != nil) return AURPropertyListFail(r->work, @"the key %@ appears twice; keep one", key);
        result[key] = value;
    }
    return result;
}

static id array(Reader *r, uint64_t at, uint64_t n, int depth) {
    NSMutableArray *result = [NSMutableArray array];
    for (uint64_t i = 0; i < n; i++) {
        id value = object(r, bigEndian(r->bytes + at + i * r->refSize, r->refSize), depth + 1);
        if (value == nil) return nil;
        [result addObject:value];
    }
    return result;
}

static id container(Reader *r, uint64_t number, uint64_t at, unsigned kind, unsigned info, int depth) {
    for (int i = 0; i < depth; i++)
        if (r->open[i] == number) return AURPropertyListFail(r->work, @"object %llu contains itself", (unsigned long long)number);
    r->open[depth] = number;
    uint64_t n, unit = (uint64_t)r->refSize * (kind == 0xD ? 2 : 1);
    if (!length(r, &at, info, unit, &n)) return AURPropertyListFail(r->work, @"a container reaches beyond the end of the file");
    return kind == 0xD ? dictionary(r, at, n, depth) : array(r, at, n, depth);
}

static id object(Reader *r, uint64_t number, int depth) {
    if (!AURPropertyListEnter(r->work, depth)) return nil;
    if (number >= r->count) return AURPropertyListFail(r->work, @"it refers to an object that is not there");
    uint64_t at = bigEndian(r->offsets + number * r->offsetSize, r->offsetSize);
    if (at < 8 || at >= r->end) return AURPropertyListFail(r->work, @"object %llu lies outside of the file", (unsigned long long)number);
    unsigned kind = r->bytes[at] >> 4, info = r->bytes[at] & 0x0f;
    at++;
    int64_t n;
    double d;
    switch (kind) {
    case 0x0:
        if (info == 0x8 || info == 0x9) return info == 0x9 ? @YES : @NO;
        break;
    case 0x1:
        return integer(r, at, info, &n) ? @(n) : AURPropertyListFail(r->work, @"malformed integer");
    case 0x2:
        return real(r, at, info, &d) ? @(d) : AURPropertyListFail(r->work, @"malformed real number");
    case 0x3:
        if (info != 3 || !real(r, at, 3, &d) || !(fabs(d) <= 1e11)) return AURPropertyListFail(r->work, @"malformed date");
        return [NSDate dateWithTimeIntervalSinceReferenceDate:d];
    case 0x4: case 0x5: case 0x6: case 0x7:
        return text(r, at, kind, info);
    case 0xA: case 0xD:
        return container(r, number, at, kind, info, depth);
    }
    return AURPropertyListFail(r->work, @"object %llu has an unknown type", (unsigned long long)number);
}

id AURParseBinaryPropertyList(const uint8_t *bytes, NSUInteger length, AURPropertyListWork *work) {
    if (length < 8 + 32 + 2) return AURPropertyListFail(work, @"the binary file is cut short");
    if (memcmp(bytes, "bplist00", 8) != 0) return AURPropertyListFail(work, @"this binary version is not read; convert it with: plutil -convert xml1 PushConfig.plist");
    const uint8_t *trailer = bytes + length - 32;
    uint64_t body = length - 32, table = bigEndian(trailer + 24, 8);
    Reader r = {.bytes = bytes, .offsetSize = trailer[6], .refSize = trailer[7], .count = bigEndian(trailer + 8, 8), .work = work};
    if (r.offsetSize < 1 || r.offsetSize > 8 || r.refSize < 1 || r.refSize > 8) return AURPropertyListFail(work, @"the trailer names impossible sizes");
    if (table < 8 || table > body) return AURPropertyListFail(work, @"the offset table lies outside of the file");
    // Division, not multiplication: the count comes from the file and must not overflow.
    if (r.count == 0 || r.count > (body - table) / r.offsetSize) return AURPropertyListFail(work, @"the offset table is cut short");
    r.end = table;
    r.offsets = bytes + table;
    return object(&r, bigEndian(trailer + 16, 8), 0);
}
