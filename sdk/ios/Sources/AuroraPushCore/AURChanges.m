#import "AURChanges.h"

static const NSUInteger MaxTags = 100; // that a request may add and remove

NSString *const AURTokenKey = @"token", *const AURVoIPTokenKey = @"voip_token", *const AURStartTokensKey = @"live_activity_start_tokens",
    *const AURActivityTokensKey = @"live_activity_tokens", *const AUREnvironmentKey = @"environment", *const AURAliasKey = @"alias",
    *const AURTagsKey = @"tags", *const AURBadgeKey = @"badge", *const AURMobileKey = @"mobile", *const AURPushEnabledKey = @"push_enabled",
    *const AURNotificationsAllowedKey = @"notifications_allowed";

static BOOL isTags(NSString *key) { return [key hasPrefix:AURTagsKey]; }

static BOOL isToken(NSString *key) { return !isTags(key) && [key rangeOfString:@"token"].length > 0; }

AURChanges *AURTagChanges(NSSet<NSString *> *tags, BOOL wanted) {
    NSMutableDictionary *changes = [NSMutableDictionary dictionary];
    for (NSString *tag in tags) changes[[@"tags." stringByAppendingString:tag]] = wanted ? @"+" : @"";
    return changes;
}

AURChanges *AURTagsAlone(NSSet<NSString *> *tags) { return AURChangesThen(@{AURTagsKey : @YES}, AURTagChanges(tags, YES)); }

AURChanges *AURChangesThen(AURChanges *earlier, AURChanges *later) {
    NSMutableDictionary *result = [earlier mutableCopy];
    if (later[AURTagsKey] != nil)
        for (NSString *key in earlier)
            if (isTags(key)) result[key] = @""; // off, unless it is asked for again; it may be on its way to the server
    [result addEntriesFromDictionary:later];
    return result;
}

AURChanges *AURChangesWithout(AURChanges *changes, AURChanges *sent) {
    NSMutableDictionary *result = [changes mutableCopy];
    id environment = nil;
    BOOL whole = changes[AURTagsKey] != nil && sent[AURTagsKey] == nil; // the tags are to be replaced, which sent has not done
    for (NSString *key in changes) {
        if ([changes[key] isEqual:sent[key]] && !(whole && isTags(key))) [result removeObjectForKey:key];
        else if (isToken(key)) environment = changes[AUREnvironmentKey];
    }
    [result setValue:environment forKey:AUREnvironmentKey];
    return result;
}

AURChanges *AURChangesPiece(AURChanges *changes) {
    NSMutableDictionary *result = [changes mutableCopy];
    NSUInteger tags = 0;
    for (NSString *key in changes)
        if (isTags(key) && ++tags > MaxTags && changes[AURTagsKey] == nil) [result removeObjectForKey:key];
    return result;
}

// The dictionary under a name, made if there is none.
static NSMutableDictionary *member(NSMutableDictionary *of, NSString *name) {
    if (of[name] == nil) of[name] = [NSMutableDictionary dictionary];
    return of[name];
}

NSArray<AURChanges *> *AURChangesParts(AURChanges *changes) {
    NSMutableDictionary *parts = [NSMutableDictionary dictionary];
    for (NSString *key in changes) {
        if ([key isEqual:AUREnvironmentKey]) continue;
        NSMutableDictionary *part = member(parts, isTags(key) ? AURTagsKey : key);
        part[key] = changes[key];
        if (isToken(key)) [part setValue:changes[AUREnvironmentKey] forKey:AUREnvironmentKey];
    }
    return parts.allValues;
}

AURChanges *AURChangesLasting(AURChanges *changes) {
    NSMutableDictionary *result = [changes mutableCopy];
    [result removeObjectsForKeys:[changes allKeysForObject:@""]];
    [result removeObjectForKey:AURTagsKey];
    return AURChangesWithout(result, @{});
}

static void addTag(NSMutableDictionary *operations, NSString *operation, NSString *tag) {
    if (operations[operation] == nil) operations[operation] = [NSMutableArray array];
    if (tag != nil) [operations[operation] addObject:tag];
}

NSDictionary *AURChangesBody(AURChanges *changes) {
    NSMutableDictionary *body = [NSMutableDictionary dictionary];
    BOOL alone = changes[AURTagsKey] != nil;
    for (NSString *key in [changes.allKeys sortedArrayUsingSelector:@selector(compare:)]) {
        id value = changes[key];
        NSUInteger point = [key rangeOfString:@"."].location;
        BOOL listed = point != NSNotFound, adds = ![value isEqual:@""];
        NSString *name = listed ? [key substringFromIndex:point + 1] : key;
        if (!isTags(key)) (listed ? member(body, [key substringToIndex:point]) : body)[name] = value;
        else if (!alone || adds) addTag(member(body, AURTagsKey), alone ? @"set" : adds ? @"add" : @"remove", listed ? name : nil);
    }
    return body;
}
