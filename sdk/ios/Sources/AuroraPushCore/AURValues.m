#import "AURValues.h"

NSDictionary *AURDictionary(id value) { return [value isKindOfClass:[NSDictionary class]] ? value : nil; }

NSArray *AURList(id value) { return [value isKindOfClass:[NSArray class]] ? value : nil; }

NSString *AURText(id from, NSString *key) {
    id value = AURDictionary(from)[key];
    return [value isKindOfClass:[NSString class]] ? value : nil;
}

BOOL AURHasTexts(id value, NSString *keys) {
    for (NSString *key in [keys componentsSeparatedByString:@" "])
        if (AURText(value, key) == nil) return NO;
    return YES;
}

BOOL AURMatches(NSString *text, NSString *pattern) {
    return text != nil && [text rangeOfString:[NSString stringWithFormat:@"\\A(?:%@)\\z", pattern] options:NSRegularExpressionSearch].location == 0;
}

NSDictionary *AURReadJSON(NSData *data) { return data == nil ? nil : AURDictionary([NSJSONSerialization JSONObjectWithData:data options:0 error:NULL]); }

NSData *AURWriteJSON(NSDictionary *dictionary) { return [NSJSONSerialization dataWithJSONObject:dictionary options:0 error:NULL]; }
