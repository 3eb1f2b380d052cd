#import <UserNotifications/UserNotifications.h>

NS_ASSUME_NONNULL_BEGIN

@interface NotificationService : UNNotificationServiceExtension
@end

NS_ASSUME_NONNULL_END
