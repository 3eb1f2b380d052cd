// error: incompatible block pointer types
// A completion of another shape than Apple's.
#import <UserNotifications/UserNotifications.h>

void wrong(void);
void wrong(void) {
    [[UNUserNotificationCenter currentNotificationCenter] requestAuthorizationWithOptions:UNAuthorizationOptionAlert completionHandler:^(NSString *granted, NSError *error) {}];
}
