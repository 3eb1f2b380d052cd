#import "AURChanges.h"
#import "AURTagOperation.h"

static const NSUInteger MaxTags = 100; // that a request may add, and remove

NSString *const AURTokenKey = @"token", *const AUREnvironmentKey = @"environment", *const AURAliasKey = @"alias", *const AURTagsKey = @"tags",
    *const AURBadgeKey = @"badge", *const AURMobileKey = @"mobile", *const AURPushEnabledKey = @"push_enabled",
    *const AURNotificationsAllowedKey = @"notifications_allowed";

AURChanges *AURChangesThen(AURChanges *earlier, AURChanges *later) {
    NSMutableDictionary *result = [earlier mutableCopy];
    [result addEntriesFromDictionary:later];
    AURTagOperation *tags = AURTagsThen(earlier[AURTagsKey], later[AURTagsKey]);
    if (tags != nil) result[AURTagsKey] = tags;
    return [result copy];
}

AURChanges *AURChangesWithout(AURChanges *changes, AURChanges *sent) {
    NSMutableDictionary *result = [changes mutableCopy];
    for (NSString *key in sent)
        if ([result[key] isEqual:sent[key]]) [result removeObjectForKey:key];
    if (result[AURTagsKey] != nil && sent[AURTagsKey] != nil) [result setValue:AURTagsLeft(result[AURTagsKey], sent[AURTagsKey]) forKey:AURTagsKey];
    if (result[AURTokenKey] != nil) [result setValue:changes[AUREnvironmentKey] forKey:AUREnvironmentKey];
    return [result copy];
}

AURChanges *AURChangesPiece(AURChanges *changes) {
    if (changes[AURTagsKey] == nil) return changes;
    NSMutableDictionary *result = [changes mutableCopy];
    result[AURTagsKey] = AURTagsPiece(changes[AURTagsKey], MaxTags);
    return [result copy];
}

NSArray<AURChanges *> *AURChangesParts(AURChanges *changes) {
    NSArray *alone = @[ AURAliasKey, AURTagsKey, AURBadgeKey, AURMobileKey, AURPushEnabledKey, AURNotificationsAllowedKey ];
    NSMutableDictionary *token = [NSMutableDictionary dictionary], *profile = [NSMutableDictionary dictionary];
    NSMutableArray *parts = [NSMutableArray array];
    for (NSString *key in changes) {
        if ([alone containsObject:key]) [parts addObject:@{key : changes[key]}];
        else if ([key isEqual:AURTokenKey] || [key isEqual:AUREnvironmentKey]) token[key] = changes[key];
        else profile[key] = changes[key];
    }
    if (profile.count > 0) [parts insertObject:[profile copy] atIndex:0];
    if (token.count > 0) [parts insertObject:[token copy] atIndex:0];
    return parts;
}
