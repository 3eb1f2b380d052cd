#import "AURClientPrivate.h"
#import "AURErrorMaking.h"
#import "AURLogging.h"
#import "AURNotifications.h"
#import "AURValues.h"

/// The userInfo of AURNetworkDidReceiveMessageNotification, or nil for something that is no message.
static NSDictionary *userInfoOf(NSDictionary *message) {
    NSString *messageID = AURDigits(AURText(message, @"msg_id"));
    if (messageID == nil) return nil;
    NSMutableDictionary *info = [@{@"_j_msgid" : messageID, @"content" : @""} mutableCopy];
    for (NSString *key in @[ @"content", @"title", @"content_type" ])
        if (AURText(message, key) != nil) info[key] = message[key];
    [info setValue:AURDictionary(message[@"extras"]) forKey:@"extras"];
    return info;
}

@implementation AURClient (Messages)

- (AURIdentity *)identityForInbox:(AURInbox *)inbox {
    BOOL settled = _record.receipts.count == 0 && _handing.count == 0 && _refused == nil;
    return settled && _loaded ? self.identity : nil;
}

- (BOOL)inbox:(AURInbox *)inbox received:(NSArray<NSDictionary *> *)messages {
    BOOL any = NO;
    for (NSDictionary *message in messages) {
        NSDictionary *info = userInfoOf(message);
        if (info == nil) continue;
        AURReceipt *receipt = AURMakeReceipt(info[@"_j_msgid"], AURReceivedEvent, AURMessagePart, [_env.clock now]);
        if ([_record knows:receipt]) {
            [_record addAgain:receipt]; // the app has seen it, but the server does not know
            continue;
        }
        if ([_handing containsObject:info[@"_j_msgid"]]) continue;
        any = YES;
        [self hand:info receipt:receipt];
    }
    [self turn];
    return any;
}

/// First the app, then the receipt: a message that the app did not live to see comes again.
- (void)hand:(NSDictionary *)info receipt:(AURReceipt *)receipt {
    NSString *messageID = info[@"_j_msgid"];
    [_handing addObject:messageID];
    AURLogLine(AURLogLevelDebug, @"in-app message %@", messageID);
    [self post:AURNetworkDidReceiveMessageNotification info:info];
    id<AURQueue> queue = _env.queue;
    [_env.callbacks perform:^{
        [queue perform:^{
            [self->_handing removeObject:messageID];
            [self note:@[ receipt ]];
            [self turn];
        }];
    }];
}

- (void)inbox:(AURInbox *)inbox failed:(NSError *)error {
    AURLogLine(AURLogLevelDebug, @"in-app messages: %@", error.localizedDescription);
    if (AURErrorIsUnknownRegistration(error) && _record.registrationID != nil && !_busy) {
        // The delivery finds out by itself and registers anew; reading the device is the cheapest question.
        _probing = YES;
        [self turn];
    }
}

- (void)inbox:(AURInbox *)inbox connected:(BOOL)connected {
    [self post:connected ? AURNetworkDidSetupNotification : AURNetworkDidCloseNotification info:@{}];
}

@end
