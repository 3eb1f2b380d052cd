#import "AURNames.h"
#import "AURErrorMaking.h"
#import "AURValues.h"

// What is wrong with a tag or an alias: nothing, its characters, or its length.
typedef enum { Fine, Illegal, TooLong } Verdict;

static Verdict judge(id name) {
    if (![name isKindOfClass:[NSString class]] || [name length] == 0) return Illegal;
    NSData *bytes = [name dataUsingEncoding:NSUTF8StringEncoding];
    if (bytes == nil) return Illegal; // half of a surrogate pair
    if (bytes.length > AURNameMaxBytes) return TooLong;
    const unsigned char *p = bytes.bytes;
    for (NSUInteger i = 0; i < bytes.length; i++) {
        if (p[i] < 0x20 || p[i] == 0x7f || p[i] == ',') return Illegal;
        if (p[i] == 0xc2 && p[i + 1] < 0xa0) return Illegal; // U+0080 to U+009F are control characters too
    }
    return Fine;
}

NSError *AURCheckAlias(NSString *alias) {
    Verdict verdict = alias.length == 0 ? Fine : judge(alias);
    if (verdict == Illegal) return AURMakeError(AURErrorAliasCharacters, @"an alias must not hold a comma or a control character");
    if (verdict == TooLong) return AURMakeError(AURErrorAliasTooLong, @"an alias has at most 40 bytes of UTF-8");
    return nil;
}

NSError *AURCheckTags(NSSet<NSString *> *tags, NSUInteger maxBytes) {
    if (tags.count > AURTagsMax) return AURMakeError(AURErrorTooManyTags, @"a device carries at most 1000 tags");
    NSUInteger bytes = 0;
    for (NSString *tag in tags) {
        Verdict verdict = judge(tag);
        if (verdict == Illegal) return AURMakeError(AURErrorTagCharacters, @"a tag must not be empty and must not hold a comma or a control character");
        if (verdict == TooLong) return AURMakeError(AURErrorTagTooLong, @"a tag has at most 40 bytes of UTF-8");
        bytes += [tag lengthOfBytesUsingEncoding:NSUTF8StringEncoding];
    }
    if (bytes <= maxBytes) return nil;
    return AURMakeError(AURErrorTagsTooLong, @"the tags of a call are too long together");
}

NSSet<NSString *> *AURValidTags(NSSet<NSString *> *tags) {
    NSMutableSet *valid = [NSMutableSet set];
    for (NSString *tag in tags)
        if (valid.count < AURTagsMax && judge(tag) == Fine) [valid addObject:tag];
    return valid;
}

NSError *AURCheckActivityName(NSString *name) {
    NSUInteger bytes = [name dataUsingEncoding:NSUTF8StringEncoding].length;
    if (name == nil || (bytes >= 1 && bytes <= 64)) return nil;
    return AURMakeError(AURErrorEmptyArgument, @"the name of a live activity or of its type has 1 to 64 bytes of UTF-8");
}

NSError *AURCheckMobile(NSString *mobile) {
    if (mobile.length > 20) return AURMakeError(AURErrorMobileTooLong, @"a phone number has at most 20 characters");
    return mobile.length == 0 || AURMatches(mobile, @"\\+?[0-9][0-9-]*") ? nil : AURMakeError(AURErrorMobileCharacters, @"a phone number has digits and hyphens, and may begin with +");
}
