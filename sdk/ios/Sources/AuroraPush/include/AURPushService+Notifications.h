// Notifications as iOS shows them. Needs UIKit and UserNotifications; main thread.
#import "AURPushService.h"
#import "AURRegisterEntity.h"

#if TARGET_OS_IPHONE
#import <UIKit/UIKit.h>
#import <UserNotifications/UserNotifications.h>

NS_ASSUME_NONNULL_BEGIN

/// What an app may decide. Handlers that it forgets or calls twice do no harm: each is called exactly once.
@protocol AURPushDelegate <NSObject>
@optional
/// A notification arrives while the app is in front; the app says how it is shown. Without this method it is not.
- (void)pushCenter:(UNUserNotificationCenter *)center
    willPresent:(UNNotification *)notification
     completion:(void (^)(UNNotificationPresentationOptions options))completion;
/// The user tapped a notification or one of its actions.
- (void)pushCenter:(UNUserNotificationCenter *)center
    didReceive:(UNNotificationResponse *)response
    completion:(void (^)(void))completion;
/// The user wants the app's own notification settings; notification is nil when asked from the system's settings.
- (void)pushCenter:(UNUserNotificationCenter *)center openSettingsFor:(nullable UNNotification *)notification API_AVAILABLE(ios(12.0));
/// What the user allows is known.
- (void)pushAuthorization:(AURAuthorizationStatus)status;
@end

@interface AURPushService (Notifications)

/// Asks the user for permission if that was not decided yet, asks iOS for a token in any case, and becomes the delegate of the
/// notification centre. A delegate that was there before keeps getting the notifications that are not Aurora's. Call it in
/// application:didFinishLaunchingWithOptions:, or taps that start the app are lost; no method is swizzled.
/// @param delegate is not retained
+ (void)registerForRemoteNotificationConfig:(AURRegisterEntity *)config delegate:(nullable id<AURPushDelegate>)delegate;

/// For application:didReceiveRemoteNotification:fetchCompletionHandler:. Reports the arrival and calls the handler exactly once:
/// when the report is delivered, or after 20 s at the latest.
+ (void)didReceiveRemoteNotification:(NSDictionary *)payload fetchCompletionHandler:(void (^)(UIBackgroundFetchResult))handler;

/// For scene:willConnectToSession:options:, if the app is not registered by registerForRemoteNotificationConfig:delegate:.
+ (void)handleConnectionOptions:(UISceneConnectionOptions *)options API_AVAILABLE(ios(13.0));

/// What the user allows now; Aurora is told too.
+ (void)requestNotificationAuthorization:(void (^)(AURAuthorizationStatus status))completion;

/// Opens the app's page in the system's settings.
+ (void)openSettingsForNotification:(nullable void (^)(BOOL success))completion;

@end

NS_ASSUME_NONNULL_END
#endif
