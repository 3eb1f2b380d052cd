#import "JPushNotificationExtensionService.h"

#if TARGET_OS_IPHONE

@implementation JPushNotificationExtensionService

+ (void)jpushSetAppkey:(NSString *)appkey { [AURNotificationExtension setAppKey:appkey]; }

+ (void)setAppGroup:(NSString *)group { [AURNotificationExtension setAppGroup:group]; }

+ (void)jpushReceiveNotificationRequest:(UNNotificationRequest *)request with:(void (^)(void))completion { [AURNotificationExtension receive:request completion:completion]; }

+ (void)setLogOff { AURLog.level = AURLogLevelSilent; }

@end
#endif
