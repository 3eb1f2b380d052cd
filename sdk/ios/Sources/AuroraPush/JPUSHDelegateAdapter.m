#import "JPUSHDelegateAdapter.h"

#if TARGET_OS_IPHONE

@implementation JPUSHDelegateAdapter {
    __weak id<JPUSHRegisterDelegate> _delegate;
}

+ (instancetype)adapterFor:(id<JPUSHRegisterDelegate>)delegate {
    static JPUSHDelegateAdapter *adapter; // main thread only
    if (adapter == nil) adapter = [[self alloc] init];
    adapter->_delegate = delegate;
    return adapter;
}

// What the delegate does not implement, this does not either.
- (BOOL)respondsToSelector:(SEL)selector {
    SEL theirs = selector;
    if (selector == @selector(pushCenter:willPresent:completion:)) theirs = @selector(jpushNotificationCenter:willPresentNotification:withCompletionHandler:);
    if (selector == @selector(pushCenter:didReceive:completion:)) theirs = @selector(jpushNotificationCenter:didReceiveNotificationResponse:withCompletionHandler:);
    if (selector == @selector(pushCenter:openSettingsFor:)) theirs = @selector(jpushNotificationCenter:openSettingsForNotification:);
    if (selector == @selector(pushAuthorization:)) theirs = @selector(jpushNotificationAuthorization:withInfo:);
    return theirs == selector ? [super respondsToSelector:selector] : [_delegate respondsToSelector:theirs];
}

- (void)pushCenter:(UNUserNotificationCenter *)center willPresent:(UNNotification *)notification completion:(void (^)(UNNotificationPresentationOptions))completion {
    [_delegate jpushNotificationCenter:center willPresentNotification:notification withCompletionHandler:^(NSInteger options) {
        completion((UNNotificationPresentationOptions)options);
    }];
}

- (void)pushCenter:(UNUserNotificationCenter *)center didReceive:(UNNotificationResponse *)response completion:(void (^)(void))completion {
    [_delegate jpushNotificationCenter:center didReceiveNotificationResponse:response withCompletionHandler:completion];
}

- (void)pushCenter:(UNUserNotificationCenter *)center openSettingsFor:(UNNotification *)notification {
    if (@available(iOS 12.0, *)) [_delegate jpushNotificationCenter:center openSettingsForNotification:notification];
}

- (void)pushAuthorization:(AURAuthorizationStatus)status { [_delegate jpushNotificationAuthorization:status withInfo:nil]; }

@end
#endif
