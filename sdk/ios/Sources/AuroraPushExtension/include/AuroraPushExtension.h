// Aurora's SDK for notification service extensions.
#import "AURNotificationExtension.h"
#import "JPushNotificationExtensionService.h"
