#import "NotificationService.h"
#import "AuroraPushExtension.h"

@implementation NotificationService {
    void (^_deliver)(UNNotificationContent *);
    UNNotificationContent *_content;
}

- (void)didReceiveNotificationRequest:(UNNotificationRequest *)request withContentHandler:(void (^)(UNNotificationContent *))contentHandler {
    _deliver = contentHandler;
    _content = request.content; // change a mutable copy of it here, if you like
    [AURNotificationExtension setAppKey:@"replace me by the AppKey"];
    [AURNotificationExtension setAppGroup:@"group.com.example.sample"];
    [AURNotificationExtension receive:request completion:^{ [self deliver]; }];
}

// iOS ends the extension now: what was not reported is queued, and the app delivers it.
- (void)serviceExtensionTimeWillExpire { [self deliver]; }

- (void)deliver {
    void (^deliver)(UNNotificationContent *) = _deliver;
    _deliver = nil;
    if (deliver != nil) deliver(_content);
}

@end
