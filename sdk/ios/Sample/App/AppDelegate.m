#import "AppDelegate.h"
#import "AuroraPush.h"

@interface AppDelegate () <AURPushDelegate>
@end

@implementation AppDelegate

- (BOOL)application:(UIApplication *)application didFinishLaunchingWithOptions:(NSDictionary<UIApplicationLaunchOptionsKey, id> *)launchOptions {
    AURRegisterEntity *entity = [[AURRegisterEntity alloc] init];
    entity.types = AURAuthorizationOptionAlert | AURAuthorizationOptionBadge | AURAuthorizationOptionSound;
    [AURPushService registerForRemoteNotificationConfig:entity delegate:self];
    [AURPushService setupWithOption:launchOptions]; // reads PushConfig.plist
    return YES;
}

- (void)application:(UIApplication *)application didRegisterForRemoteNotificationsWithDeviceToken:(NSData *)deviceToken {
    [AURPushService registerDeviceToken:deviceToken];
}

- (void)application:(UIApplication *)application didFailToRegisterForRemoteNotificationsWithError:(NSError *)error {
    NSLog(@"No token: %@", error.localizedDescription);
}

- (void)application:(UIApplication *)application didReceiveRemoteNotification:(NSDictionary *)userInfo fetchCompletionHandler:(void (^)(UIBackgroundFetchResult))completionHandler {
    [AURPushService didReceiveRemoteNotification:userInfo fetchCompletionHandler:completionHandler];
}

#pragma mark AURPushDelegate

- (void)pushCenter:(UNUserNotificationCenter *)center willPresent:(UNNotification *)notification completion:(void (^)(UNNotificationPresentationOptions))completion {
    completion(UNNotificationPresentationOptionBanner | UNNotificationPresentationOptionSound); // iOS 14 and newer
}

@end
