#import "AURTest.h"
#include <stdlib.h>
#include <string.h>

static struct { const char *name, *file; void (*function)(void); } tests[512];
static int count, failures, checks;
static const char *current = "";

void AURTestRegister(const char *name, const char *file, void (*function)(void)) {
    if (count == 512) abort();
    tests[count].name = name;
    tests[count].file = file;
    tests[count++].function = function;
}

void AURTestCount(void) { __atomic_fetch_add(&checks, 1, __ATOMIC_SEQ_CST); }

void AURTestFail(const char *file, int line, NSString *message) {
    __atomic_fetch_add(&failures, 1, __ATOMIC_SEQ_CST);
    const char *slash = strrchr(file, '/');
    printf("%s:%d: %s: %s\n", slash ? slash + 1 : file, line, current, message.UTF8String);
    fflush(stdout);
}

int AURTestRun(const char *filter) {
    int ran = 0;
    for (int i = 0; i < count; i++) {
        if (filter != NULL && strstr(tests[i].name, filter) == NULL) continue;
        @autoreleasepool {
            current = tests[i].name;
            int before = failures;
            NSDate *started = [NSDate date];
            @try {
                tests[i].function();
            } @catch (NSException *exception) {
                AURTestFail(tests[i].file, 0, [NSString stringWithFormat:@"%@", exception]);
            }
            printf("%s %s (%.2fs)\n", failures == before ? "ok  " : "FAIL", current, -started.timeIntervalSinceNow);
            fflush(stdout);
            ran++;
        }
    }
    printf("%d tests, %d checks, %d failures\n", ran, checks, failures);
    return ran == 0 ? 1 : failures;
}

NSData *AURVectorData(NSString *name) {
    const char *folder = getenv("AURORA_VECTORS");
    NSString *path = [[NSString stringWithUTF8String:folder ?: "../../vectors"] stringByAppendingPathComponent:name];
    NSData *data = [[NSData alloc] initWithContentsOfFile:path];
    if (data == nil) AURTestFail(__FILE__, __LINE__, [NSString stringWithFormat:@"%@ cannot be read", path]);
    return data ?: [NSData data];
}

id AURVectors(NSString *name) {
    NSData *data = AURVectorData(name);
    return AURExactJSON([[NSString alloc] initWithData:data encoding:NSUTF8StringEncoding]);
}

static id parse(NSScanner *scanner);

static void skip(NSScanner *scanner) {
    NSCharacterSet *blank = [NSCharacterSet whitespaceAndNewlineCharacterSet];
    while (!scanner.isAtEnd && [blank characterIsMember:[scanner.string characterAtIndex:scanner.scanLocation]]) scanner.scanLocation++;
}

static BOOL take(NSScanner *scanner, NSString *text) {
    skip(scanner);
    return [scanner scanString:text intoString:NULL];
}

static id number(NSScanner *scanner) {
    NSString *text = nil;
    [scanner scanCharactersFromSet:[NSCharacterSet characterSetWithCharactersInString:@"+-0123456789.eE"] intoString:&text];
    if (text.length == 0) return nil;
    if ([text rangeOfCharacterFromSet:[NSCharacterSet characterSetWithCharactersInString:@".eE"]].length > 0) return @(text.doubleValue);
    if ([text hasPrefix:@"-"]) return @(strtoll(text.UTF8String, NULL, 10));
    return @(strtoull(text.UTF8String, NULL, 10));
}

// Strings are left to the system's reader, which knows all escapes.
static id string(NSScanner *scanner) {
    NSString *all = scanner.string;
    NSUInteger start = scanner.scanLocation, end = start + 1;
    while (end < all.length && [all characterAtIndex:end] != '"') end += [all characterAtIndex:end] == '\\' ? 2 : 1;
    if (end >= all.length) return nil;
    NSString *quoted = [all substringWithRange:NSMakeRange(start, end + 1 - start)];
    scanner.scanLocation = end + 1;
    NSData *data = [[NSString stringWithFormat:@"[%@]", quoted] dataUsingEncoding:NSUTF8StringEncoding];
    return [[NSJSONSerialization JSONObjectWithData:data options:0 error:NULL] firstObject];
}

static id parse(NSScanner *scanner) {
    skip(scanner);
    if (scanner.isAtEnd) return nil;
    unichar c = [scanner.string characterAtIndex:scanner.scanLocation];
    if (c == '"') return string(scanner);
    if (take(scanner, @"true")) return @YES;
    if (take(scanner, @"false")) return @NO;
    if (take(scanner, @"null")) return [NSNull null];
    if (take(scanner, @"[")) {
        NSMutableArray *array = [NSMutableArray array];
        while (!take(scanner, @"]")) {
            id value = parse(scanner);
            if (value == nil) return nil;
            [array addObject:value];
            take(scanner, @",");
        }
        return array;
    }
    if (take(scanner, @"{")) {
        NSMutableDictionary *dictionary = [NSMutableDictionary dictionary];
        while (!take(scanner, @"}")) {
            id key = parse(scanner);
            if (key == nil || !take(scanner, @":")) return nil;
            id value = parse(scanner);
            if (value == nil) return nil;
            dictionary[key] = value;
            take(scanner, @",");
        }
        return dictionary;
    }
    return number(scanner);
}

id AURExactJSON(NSString *text) {
    NSScanner *scanner = [NSScanner scannerWithString:text];
    scanner.caseSensitive = YES;
    scanner.charactersToBeSkipped = nil;
    return parse(scanner);
}

static NSMutableArray<NSString *> *folders;

static void removeFolders(void) {
    @autoreleasepool {
        for (NSString *path in folders) [[NSFileManager defaultManager] removeItemAtPath:path error:NULL];
    }
}

NSURL *AURTemporaryFolder(void) {
    if (folders == nil) {
        folders = [NSMutableArray array];
        atexit(removeFolders);
    }
    NSString *path = [NSTemporaryDirectory() stringByAppendingPathComponent:[@"aurora-" stringByAppendingString:[NSUUID UUID].UUIDString]];
    [[NSFileManager defaultManager] createDirectoryAtPath:path withIntermediateDirectories:YES attributes:nil error:NULL];
    [folders addObject:path];
    return [NSURL fileURLWithPath:path isDirectory:YES];
}
