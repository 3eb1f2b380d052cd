// The SDK as delegate of the notification centre; private to the SDK. Main thread.
#import "AURPushService+Notifications.h"

#if TARGET_OS_IPHONE
NS_ASSUME_NONNULL_BEGIN

@interface AURNotificationCenterDelegate : NSObject <UNUserNotificationCenterDelegate>
+ (instancetype)shared;
/// Takes the place of the centre's delegate, and remembers it.
- (void)install;
@property (nonatomic, weak, nullable) id<AURPushDelegate> delegate;
@end

NS_ASSUME_NONNULL_END
#endif
