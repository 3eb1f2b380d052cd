// Aurora's SDK for iOS apps.
#import "AURLocalNotifications.h"
#import "AURPushService.h"
#import "AURPushService+Notifications.h"
#import "AURRegisterEntity.h"
#import "JPUSHService.h"
