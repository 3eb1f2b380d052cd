// JPush's class for service extensions, on top of AURNotificationExtension.
#import "AURNotificationExtension.h"

#if TARGET_OS_IPHONE
NS_ASSUME_NONNULL_BEGIN

@interface JPushNotificationExtensionService : NSObject
+ (void)jpushSetAppkey:(NSString *)appkey;
/// Aurora's addition: see AURNotificationExtension.
+ (void)setAppGroup:(NSString *)group;
+ (void)jpushReceiveNotificationRequest:(UNNotificationRequest *)request with:(void (^)(void))completion;
+ (void)setLogOff;
@end

NS_ASSUME_NONNULL_END
#endif
