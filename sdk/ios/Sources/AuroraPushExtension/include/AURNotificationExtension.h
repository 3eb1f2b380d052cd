// For a notification service extension: reports that a notification arrived, also when the app does not run.
#import <Foundation/Foundation.h>
#import "AURErrors.h"
#import "AURLog.h"

#if TARGET_OS_IPHONE
#import <UserNotifications/UserNotifications.h>

NS_ASSUME_NONNULL_BEGIN

/// The report is queued in the app group first, then sent in one short request with the identity that the app has shared. If
/// that fails, or the system ends the extension, the app delivers it at its next start. Push with "mutable-content": true, or
/// iOS does not run the extension. Thread-safe.
@interface AURNotificationExtension : NSObject
/// The same AppKey as the app's. First call.
+ (void)setAppKey:(NSString *)appKey;
/// The app group that app and extension share. Without one nothing can be reported, since only the app is registered.
+ (void)setAppGroup:(NSString *)group;
/// Reports, then calls completion exactly once on the main thread, at the latest after 8 s of the 30 that iOS allows. Hand the
/// content to the system in it.
+ (void)receive:(UNNotificationRequest *)request completion:(void (^)(void))completion;
@end

NS_ASSUME_NONNULL_END
#endif
