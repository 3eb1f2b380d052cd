#import "AURChanges.h"
#import "AURTagOperation.h"

static const NSUInteger MaxTags = 100; // that a request may add, and remove

NSString *const AURTokenKey = @"token", *const AURVoIPTokenKey = @"voip_token", *const AURStartTokensKey = @"live_activity_start_tokens",
    *const AURActivityTokensKey = @"live_activity_tokens", *const AUREnvironmentKey = @"environment", *const AURAliasKey = @"alias",
    *const AURTagsKey = @"tags", *const AURBadgeKey = @"badge", *const AURMobileKey = @"mobile", *const AURPushEnabledKey = @"push_enabled",
    *const AURNotificationsAllowedKey = @"notifications_allowed";

static BOOL isToken(NSString *key) { return [key rangeOfString:@"token"].length > 0; }

AURChanges *AURChangesThen(AURChanges *earlier, AURChanges *later) {
    NSMutableDictionary *result = [earlier mutableCopy];
    [result addEntriesFromDictionary:later];
    [result setValue:AURTagsThen(earlier[AURTagsKey], later[AURTagsKey]) forKey:AURTagsKey];
    return result;
}

AURChanges *AURChangesWithout(AURChanges *changes, AURChanges *sent) {
    NSMutableDictionary *result = [changes mutableCopy];
    id environment = nil;
    [result setValue:AURTagsLeft(changes[AURTagsKey], sent[AURTagsKey]) forKey:AURTagsKey];
    for (NSString *key in changes) {
        if ([changes[key] isEqual:sent[key]]) [result removeObjectForKey:key];
        else if (isToken(key)) environment = changes[AUREnvironmentKey];
    }
    [result setValue:environment forKey:AUREnvironmentKey];
    return result;
}

AURChanges *AURChangesPiece(AURChanges *changes) {
    NSMutableDictionary *result = [changes mutableCopy];
    [result setValue:AURTagsPiece(changes[AURTagsKey], MaxTags) forKey:AURTagsKey];
    return result;
}

NSArray<AURChanges *> *AURChangesParts(AURChanges *changes) {
    NSMutableArray *parts = [NSMutableArray array];
    for (NSString *key in changes) {
        if ([key isEqual:AUREnvironmentKey]) continue;
        NSMutableDictionary *part = [@{key : changes[key]} mutableCopy];
        if (isToken(key)) [part setValue:changes[AUREnvironmentKey] forKey:AUREnvironmentKey];
        [parts addObject:part];
    }
    return parts;
}

AURChanges *AURChangesLasting(AURChanges *changes) {
    NSMutableDictionary *result = [changes mutableCopy];
    AURTagOperation *tags = changes[AURTagsKey];
    NSArray *added = tags[@"add"];
    [result removeObjectsForKeys:[changes allKeysForObject:@""]];
    if (tags[@"remove"] != nil) [result setValue:added == nil ? nil : AURTagsAdd(added) forKey:AURTagsKey];
    return AURChangesWithout(result, @{});
}

NSDictionary *AURChangesBody(AURChanges *changes) {
    NSMutableDictionary *body = [changes mutableCopy];
    for (NSString *key in changes) {
        NSUInteger point = [key rangeOfString:@"."].location;
        if (point == NSNotFound) continue;
        NSString *list = [key substringToIndex:point];
        NSMutableDictionary *members = body[list] ?: [NSMutableDictionary dictionary];
        members[[key substringFromIndex:point + 1]] = changes[key];
        body[list] = members;
        [body removeObjectForKey:key];
    }
    return body;
}
