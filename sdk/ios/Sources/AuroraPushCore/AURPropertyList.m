#import "AURPropertyListReading.h"
#include <string.h>

BOOL AURIsBoolean(id value) {
    // Numbers read from a file or from JSON are never one character wide.
    return [value isKindOfClass:[NSNumber class]] && strchr("cCB", [value objCType][0]) != NULL;
}

BOOL AURPropertyListEnter(AURPropertyListWork *work, int depth) {
    work->nodes++;
    if (depth > AURPropertyListMaxDepth) AURPropertyListFail(work, @"values are nested more than %d deep", AURPropertyListMaxDepth);
    if (work->nodes > AURPropertyListMaxNodes) AURPropertyListFail(work, @"it holds more than %d values", AURPropertyListMaxNodes);
    return work->problem == nil;
}

id AURPropertyListFail(AURPropertyListWork *work, NSString *format, ...) {
    if (work->problem != nil) return nil;
    va_list values;
    va_start(values, format);
    work->problem = [[NSString alloc] initWithFormat:format arguments:values];
    va_end(values);
    return nil;
}

id AURParsePropertyList(NSData *data, NSString **problem) {
    AURPropertyListWork work = {0, nil};
    const char *bytes = data.bytes;
    NSUInteger length = data.length;
    id value = nil;
    if (length == 0) {
        AURPropertyListFail(&work, @"the file is empty");
    } else if (length > AURPropertyListMaxSize) {
        AURPropertyListFail(&work, @"it has %lu bytes, at most %d are read", (unsigned long)length, AURPropertyListMaxSize);
    } else if (length >= 6 && memcmp(bytes, "bplist", 6) == 0) {
        value = AURParseBinaryPropertyList((const uint8_t *)bytes, length, &work);
    } else {
        NSUInteger start = length >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
        NSUInteger at = start;
        while (at < length && strchr(" \t\r\n", bytes[at]) != NULL && bytes[at] != 0) at++;
        if (at < length && bytes[at] == '<') value = AURParseXMLPropertyList(bytes + start, length - start, &work);
        else AURPropertyListFail(&work, @"it is neither XML nor binary; convert it with: plutil -convert xml1 PushConfig.plist");
    }
    *problem = work.problem;
    return work.problem == nil ? value : nil;
}
