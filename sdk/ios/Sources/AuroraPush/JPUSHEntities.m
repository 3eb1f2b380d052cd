#import "JPUSHEntities.h"

@implementation JPUSHRegisterEntity
@end
@implementation JPushNotificationRequest
@end
@implementation JPushNotificationContent
@end
@implementation JPushNotificationTrigger
@end
@implementation JPushNotificationIdentifier
@end
@implementation JPushNotificationSound
@end
@implementation JPushInAppMessage
@end

@implementation JPushCollectControl
- (instancetype)init {
    if ((self = [super init])) _ssid = _bssid = _cell = _gps = YES;
    return self;
}
@end
