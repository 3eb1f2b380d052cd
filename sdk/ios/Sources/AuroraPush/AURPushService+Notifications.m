#import "AURPushService+Notifications.h"

#if TARGET_OS_IPHONE
#import "AURNotificationCenterDelegate.h"
#import "AUROnce.h"
#import "AURPushCentre.h"
#import "AURPushLog.h"

// Below the 30 s that iOS gives an app in the background.
static const NSTimeInterval FetchTimeout = 20;

static AURAuthorizationStatus statusOf(UNAuthorizationStatus status) {
    switch (status) {
    case UNAuthorizationStatusNotDetermined: return AURAuthorizationNotDetermined;
    case UNAuthorizationStatusDenied: return AURAuthorizationStatusDenied;
    case UNAuthorizationStatusProvisional: return AURAuthorizationStatusProvisional;
    default: return AURAuthorizationStatusAuthorized; // also of app clips, for a while
    }
}

@implementation AURPushService (Notifications)

+ (void)registerForRemoteNotificationConfig:(AURRegisterEntity *)config delegate:(id<AURPushDelegate>)delegate {
    AURNotificationCenterDelegate *ours = [AURNotificationCenterDelegate shared];
    ours.delegate = delegate;
    [ours install];
    UNUserNotificationCenter *center = [UNUserNotificationCenter currentNotificationCenter];
    if (config.categories != nil) [center setNotificationCategories:config.categories];
    [center requestAuthorizationWithOptions:(UNAuthorizationOptions)config.types completionHandler:^(BOOL granted, NSError *error) {
        if (error != nil) AURPushLog(AURLogLevelWarning, @"no permission for notifications: %@", error.localizedDescription);
        [self requestNotificationAuthorization:^(AURAuthorizationStatus status) {
            id<AURPushDelegate> current = ours.delegate;
            if ([current respondsToSelector:@selector(pushAuthorization:)]) [current pushAuthorization:status];
        }];
    }];
    // A token needs no permission: silent pushes work without.
    [[UIApplication sharedApplication] registerForRemoteNotifications];
}

+ (void)requestNotificationAuthorization:(void (^)(AURAuthorizationStatus))completion {
    [[UNUserNotificationCenter currentNotificationCenter] getNotificationSettingsWithCompletionHandler:^(UNNotificationSettings *settings) {
        AURAuthorizationStatus status = statusOf(settings.authorizationStatus);
        if (status != AURAuthorizationNotDetermined) [[AURPushCentre shared].client setNotificationsAllowed:status != AURAuthorizationStatusDenied];
        [[AURMainQueue shared] perform:^{ completion(status); }];
    }];
}

+ (void)openSettingsForNotification:(void (^)(BOOL))completion {
    NSURL *settings = [NSURL URLWithString:UIApplicationOpenSettingsURLString];
    [[UIApplication sharedApplication] openURL:settings options:@{} completionHandler:completion];
}

+ (void)didReceiveRemoteNotification:(NSDictionary *)payload fetchCompletionHandler:(void (^)(UIBackgroundFetchResult))handler {
    AUROnce *once = [[AUROnce alloc] initWithName:@"the fetch completion handler" fallback:UIBackgroundFetchResultNoData block:^(NSUInteger result) {
        handler((UIBackgroundFetchResult)result);
    }];
    AURPushCentre *centre = [AURPushCentre shared];
    [centre noteReceived:payload];
    AURClient *client = centre.client;
    if (client == nil || payload[@"_j_msgid"] == nil) {
        [once callWithValue:UIBackgroundFetchResultNoData];
        return;
    }
    [client whenDelivered:^(BOOL delivered) {
        [once callWithValue:delivered ? UIBackgroundFetchResultNewData : UIBackgroundFetchResultFailed];
    } within:FetchTimeout];
}

+ (void)handleConnectionOptions:(UISceneConnectionOptions *)options {
    UNNotificationResponse *response = options.notificationResponse;
    if (response == nil || [AURPushCentre shared].receivesTaps) return; // the delegate is told as well
    NSDictionary *payload = response.notification.request.content.userInfo;
    NSString *action = response.actionIdentifier;
    [[AURPushCentre shared] noteOpened:payload];
    [[AURPushCentre shared].taps addPayload:payload action:[action isEqual:UNNotificationDefaultActionIdentifier] ? nil : action];
}

@end
#endif
