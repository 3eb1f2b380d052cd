#import "AURNotificationCenterDelegate.h"

#if TARGET_OS_IPHONE
#import "AUROnce.h"
#import "AURPushCentre.h"

@implementation AURNotificationCenterDelegate {
    __weak id<UNUserNotificationCenterDelegate> _previous; // gets what is not Aurora's
}

+ (instancetype)shared {
    static AURNotificationCenterDelegate *delegate; // main thread only
    if (delegate == nil) delegate = [[self alloc] init];
    return delegate;
}

- (void)install {
    UNUserNotificationCenter *center = [UNUserNotificationCenter currentNotificationCenter];
    if (center.delegate == self) return;
    _previous = center.delegate;
    center.delegate = self;
    [AURPushCentre shared].receivesTaps = YES;
}

/// Who decides about a notification that is not Aurora's: whoever did before us, if anybody.
- (id<UNUserNotificationCenterDelegate>)previousFor:(NSDictionary *)payload selector:(SEL)selector {
    id<UNUserNotificationCenterDelegate> previous = _previous;
    BOOL ours = payload[@"_j_msgid"] != nil;
    return !ours && [previous respondsToSelector:selector] ? previous : nil;
}

- (void)userNotificationCenter:(UNUserNotificationCenter *)center
       willPresentNotification:(UNNotification *)notification
         withCompletionHandler:(void (^)(UNNotificationPresentationOptions))handler {
    NSDictionary *payload = notification.request.content.userInfo;
    [[AURPushCentre shared] noteReceived:payload];
    AUROnce *once = [[AUROnce alloc] initWithName:@"the handler of willPresentNotification" fallback:UNNotificationPresentationOptionNone block:^(NSUInteger options) {
        handler((UNNotificationPresentationOptions)options);
    }];
    id<UNUserNotificationCenterDelegate> previous = [self previousFor:payload selector:_cmd];
    id<AURPushDelegate> delegate = self.delegate;
    if (previous != nil) [previous userNotificationCenter:center willPresentNotification:notification withCompletionHandler:[once block]];
    else if ([delegate respondsToSelector:@selector(pushCenter:willPresent:completion:)]) [delegate pushCenter:center willPresent:notification completion:[once block]];
    else [once callWithValue:UNNotificationPresentationOptionNone];
}

- (void)userNotificationCenter:(UNUserNotificationCenter *)center
    didReceiveNotificationResponse:(UNNotificationResponse *)response
             withCompletionHandler:(void (^)(void))handler {
    NSDictionary *payload = response.notification.request.content.userInfo;
    NSString *action = response.actionIdentifier;
    BOOL dismissed = [action isEqual:UNNotificationDismissActionIdentifier];
    if (dismissed) [[AURPushCentre shared] noteReceived:payload];
    else [[AURPushCentre shared] noteOpened:payload];
    if (!dismissed) [[AURPushCentre shared].taps addPayload:payload action:[action isEqual:UNNotificationDefaultActionIdentifier] ? nil : action];
    AUROnce *once = [[AUROnce alloc] initWithName:@"the handler of didReceiveNotificationResponse" fallback:0 block:^(NSUInteger nothing) { handler(); }];
    void (^finish)(void) = ^{ [once callWithValue:0]; };
    id<UNUserNotificationCenterDelegate> previous = [self previousFor:payload selector:_cmd];
    id<AURPushDelegate> delegate = self.delegate;
    if (previous != nil) [previous userNotificationCenter:center didReceiveNotificationResponse:response withCompletionHandler:finish];
    else if ([delegate respondsToSelector:@selector(pushCenter:didReceive:completion:)]) [delegate pushCenter:center didReceive:response completion:finish];
    else finish();
}

- (void)userNotificationCenter:(UNUserNotificationCenter *)center openSettingsForNotification:(UNNotification *)notification {
    id<AURPushDelegate> delegate = self.delegate;
    if ([delegate respondsToSelector:@selector(pushCenter:openSettingsFor:)]) [delegate pushCenter:center openSettingsFor:notification];
}

@end
#endif
