#import "AURPropertyListReading.h"
#import "AURValues.h"
#include <string.h>

BOOL AURIsBoolean(id value) {
    // Numbers read from a file or from JSON are never one character wide.
    return [value isKindOfClass:[NSNumber class]] && strchr("cCB", [value objCType][0]) != NULL;
}

BOOL AURPropertyListEnter(AURPropertyListWork *work, int depth) {
    if (depth > AURPropertyListMaxDepth) AURPropertyListFail(work, "values are nested more than 16 deep");
    if (++work->nodes > AURPropertyListMaxNodes) AURPropertyListFail(work, "it holds more than 4096 values");
    return work->problem == NULL;
}

id AURPropertyListFail(AURPropertyListWork *work, const char *problem) {
    if (work->problem == NULL) work->problem = problem;
    return nil;
}

id AURPropertyListAdd(AURPropertyListWork *work, NSMutableDictionary *members, NSString *key, id value) {
    if (key == nil || value == nil) return nil;
    if (members[key] != nil) return AURPropertyListFail(work, "a key appears twice; keep one");
    members[key] = value;
    return members;
}

NSDictionary *AURParsePropertyList(NSData *data, NSString **problem) {
    AURPropertyListWork work = {0, NULL};
    NSMutableData *copy = [data mutableCopy];
    char *bytes = copy.mutableBytes;
    NSUInteger length = copy.length;
    id value = nil;
    if (length == 0) AURPropertyListFail(&work, "the file is empty");
    else if (length > AURPropertyListMaxSize) AURPropertyListFail(&work, "it has more than 64 KiB");
    else if (length >= 6 && memcmp(bytes, "bplist", 6) == 0) value = AURParseBinaryPropertyList((const uint8_t *)bytes, length, &work);
    else value = AURParseXMLPropertyList(bytes, length, &work);
    if (AURDictionary(value) == nil) AURPropertyListFail(&work, "its outermost value is not a dictionary");
    *problem = work.problem == NULL ? nil : [NSString stringWithUTF8String:work.problem];
    return work.problem == NULL ? value : nil;
}
