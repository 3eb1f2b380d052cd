// Bodies for the stub headers, so that the layer can be run and not only type-checked. They do what Apple documents, as far as
// the tests look.
#import <UIKit/UIKit.h>
#import <UserNotifications/UserNotifications.h>

NS_ASSUME_NONNULL_BEGIN

@interface UIApplication (Fakes)
@property (nonatomic) UIApplicationState applicationState;
@property (nonatomic, readonly) NSMutableArray<NSString *> *log;
@end

@interface UNUserNotificationCenter (Fakes)
@property (nonatomic) UNAuthorizationStatus status;
@property (nonatomic, readonly) NSMutableArray<NSString *> *log;
@property (nonatomic, readonly) NSMutableArray<UNNotificationRequest *> *pending;
@property (nonatomic, readonly) NSMutableArray<UNNotification *> *delivered;
/// As after a launch.
+ (void)reset;
@end

UNNotification *AURFakeNotification(NSDictionary *payload);
UNNotificationResponse *AURFakeResponse(NSDictionary *payload, NSString *action);
UISceneConnectionOptions *AURFakeConnection(UNNotificationResponse *_Nullable response);

NS_ASSUME_NONNULL_END
