#import "AURClientPrivate.h"
#import "AURErrorMaking.h"
#import "AURLogging.h"
#import "AURNotifications.h"
#import "AURValues.h"

/// The userInfo of AURNetworkDidReceiveMessageNotification.
static NSDictionary *userInfoOf(NSDictionary *message, NSString *messageID) {
    NSMutableDictionary *info = [@{@"_j_msgid" : messageID, @"content" : AURText(message, @"content") ?: @""} mutableCopy];
    [info setValue:AURText(message, @"title") forKey:@"title"];
    [info setValue:AURText(message, @"content_type") forKey:@"content_type"];
    [info setValue:AURDictionary(message[@"extras"]) forKey:@"extras"];
    return info;
}

@implementation AURClient (Messages)

- (AURIdentity *)identityForInbox:(AURInbox *)inbox {
    BOOL settled = [_record receiptsAtMost:1].count == 0 && _handing.count == 0 && _refused == nil;
    return settled && _loaded ? _record.identity : nil;
}

- (BOOL)inbox:(AURInbox *)inbox received:(NSArray<NSDictionary *> *)messages {
    BOOL any = NO;
    for (NSDictionary *message in messages) {
        NSString *messageID = AURDigits(AURText(message, @"msg_id"));
        if (messageID == nil || [_handing containsObject:messageID]) continue;
        AURReceipt *receipt = AURMakeReceipt(messageID, AURReceivedEvent, AURMessagePart, [_env.clock now]);
        if ([_record knows:receipt]) {
            [_record addAgain:receipt]; // the app has seen it, but the server does not know
            continue;
        }
        any = YES;
        [self hand:userInfoOf(message, messageID) receipt:receipt];
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
    [self callBack:^{
        [self perform:^{
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
