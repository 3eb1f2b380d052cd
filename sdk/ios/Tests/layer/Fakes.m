#import "Fakes.h"

NSString *const UNNotificationDefaultActionIdentifier = @"com.apple.UNNotificationDefaultActionIdentifier";
NSString *const UNNotificationDismissActionIdentifier = @"com.apple.UNNotificationDismissActionIdentifier";
NSString *const UIApplicationDidBecomeActiveNotification = @"UIApplicationDidBecomeActiveNotification";
NSString *const UIApplicationWillResignActiveNotification = @"UIApplicationWillResignActiveNotification";
NSString *const UIApplicationWillEnterForegroundNotification = @"UIApplicationWillEnterForegroundNotification";
NSString *const UIApplicationDidEnterBackgroundNotification = @"UIApplicationDidEnterBackgroundNotification";
NSString *const UIApplicationOpenSettingsURLString = @"app-settings:";

// Of classes that apps may not make.
static id bare(Class class) { return [class new]; }

@implementation UIResponder
@end

@implementation UIApplication {
    UIApplicationState _state;
    NSMutableArray *_log;
}
@synthesize delegate = _delegate, applicationIconBadgeNumber = _applicationIconBadgeNumber;
+ (UIApplication *)sharedApplication {
    static UIApplication *application;
    if (application == nil) application = [[self alloc] init];
    return application;
}
- (UIApplicationState)applicationState { return _state; }
- (void)setApplicationState:(UIApplicationState)state { _state = state; }
- (NSMutableArray *)log { return _log ?: (_log = [NSMutableArray array]); }
- (void)registerForRemoteNotifications { [[self log] addObject:@"register"]; }
- (void)openURL:(NSURL *)url options:(NSDictionary *)options completionHandler:(void (^)(BOOL))completion {
    [[self log] addObject:url.absoluteString];
    if (completion != nil) completion(YES);
}
@end

@implementation UISceneConnectionOptions {
    @public UNNotificationResponse *_response;
}
- (UNNotificationResponse *)notificationResponse { return _response; }
@end

@interface UNNotificationSettings ()
@property (nonatomic) UNAuthorizationStatus authorizationStatus;
@end
@implementation UNNotificationSettings
@end
@implementation UNNotificationCategory
@end
@implementation UNNotificationAttachment
@end
@implementation UNNotificationSound {
    NSString *_name;
}
+ (UNNotificationSound *)made:(NSString *)name {
    UNNotificationSound *sound = [[self alloc] init];
    sound->_name = name;
    return sound;
}
+ (UNNotificationSound *)defaultSound { return [self made:@"default"]; }
+ (UNNotificationSound *)soundNamed:(NSString *)name { return [self made:name]; }
+ (UNNotificationSound *)criticalSoundNamed:(NSString *)name withAudioVolume:(float)volume { return [self made:[NSString stringWithFormat:@"%@ %.1f", name, volume]]; }
- (id)copyWithZone:(NSZone *)zone { return self; }
- (NSString *)description { return _name; }
@end

@interface UNNotificationContent ()
@property (nonatomic, copy) NSString *title, *subtitle, *body;
@property (nonatomic, copy) NSNumber *badge;
@property (nonatomic, copy) NSDictionary *userInfo;
@end
@implementation UNNotificationContent
- (id)copyWithZone:(NSZone *)zone { return self; }
@end
@implementation UNMutableNotificationContent
@dynamic title, subtitle, body, badge, userInfo;
@end

@implementation UNNotificationTrigger {
    @public NSString *_what;
}
- (id)copyWithZone:(NSZone *)zone { return self; }
- (NSString *)description { return _what; }
@end
static id made(Class class, NSString *what) {
    UNNotificationTrigger *trigger = [[class alloc] init];
    trigger->_what = what;
    return trigger;
}
@implementation UNTimeIntervalNotificationTrigger
+ (instancetype)triggerWithTimeInterval:(NSTimeInterval)seconds repeats:(BOOL)repeats {
    if (seconds <= 0 || (repeats && seconds < 60)) [NSException raise:NSInternalInconsistencyException format:@"as iOS does"];
    return made(self, [NSString stringWithFormat:@"after %.0f %d", seconds, repeats]);
}
@end
@implementation UNCalendarNotificationTrigger
+ (instancetype)triggerWithDateMatchingComponents:(NSDateComponents *)dateComponents repeats:(BOOL)repeats { return made(self, [NSString stringWithFormat:@"calendar %d", repeats]); }
@end
@implementation UNLocationNotificationTrigger
+ (instancetype)triggerWithRegion:(CLRegion *)region repeats:(BOOL)repeats { return made(self, [NSString stringWithFormat:@"region %d", repeats]); }
@end

@interface UNNotificationRequest ()
@property (nonatomic, copy) NSString *identifier;
@property (nonatomic, copy) UNNotificationContent *content;
@property (nonatomic, copy) UNNotificationTrigger *trigger;
@end
@implementation UNNotificationRequest
+ (instancetype)requestWithIdentifier:(NSString *)identifier content:(UNNotificationContent *)content trigger:(UNNotificationTrigger *)trigger {
    UNNotificationRequest *request = bare(self);
    request.identifier = identifier;
    request.content = content;
    request.trigger = trigger;
    return request;
}
- (id)copyWithZone:(NSZone *)zone { return self; }
@end

@interface UNNotification ()
@property (nonatomic, copy) UNNotificationRequest *request;
@end
@implementation UNNotification
- (NSDate *)date { return [NSDate date]; }
- (id)copyWithZone:(NSZone *)zone { return self; }
@end
@interface UNNotificationResponse ()
@property (nonatomic, copy) UNNotification *notification;
@property (nonatomic, copy) NSString *actionIdentifier;
@end
@implementation UNNotificationResponse
@end

UNNotification *AURFakeNotification(NSDictionary *payload) {
    UNMutableNotificationContent *content = [[UNMutableNotificationContent alloc] init];
    content.userInfo = payload;
    UNNotification *notification = bare([UNNotification class]);
    notification.request = [UNNotificationRequest requestWithIdentifier:@"n" content:content trigger:nil];
    return notification;
}

UNNotificationResponse *AURFakeResponse(NSDictionary *payload, NSString *action) {
    UNNotificationResponse *response = bare([UNNotificationResponse class]);
    response.notification = AURFakeNotification(payload);
    response.actionIdentifier = action;
    return response;
}

UISceneConnectionOptions *AURFakeConnection(UNNotificationResponse *response) {
    UISceneConnectionOptions *options = [[UISceneConnectionOptions alloc] init];
    options->_response = response;
    return options;
}

static UNUserNotificationCenter *current;

@implementation UNUserNotificationCenter {
    __weak id<UNUserNotificationCenterDelegate> _delegate;
    UNAuthorizationStatus _status;
    NSMutableArray *_log, *_pending, *_delivered;
}
+ (void)reset { current = nil; }
+ (UNUserNotificationCenter *)currentNotificationCenter {
    if (current == nil) {
        current = bare(self);
        current->_log = [NSMutableArray array];
        current->_pending = [NSMutableArray array];
        current->_delivered = [NSMutableArray array];
    }
    return current;
}
- (id<UNUserNotificationCenterDelegate>)delegate { return _delegate; }
- (void)setDelegate:(id<UNUserNotificationCenterDelegate>)delegate { _delegate = delegate; }
- (UNAuthorizationStatus)status { return _status; }
- (void)setStatus:(UNAuthorizationStatus)status { _status = status; }
- (NSMutableArray *)log { return _log; }
- (NSMutableArray *)pending { return _pending; }
- (NSMutableArray *)delivered { return _delivered; }
- (void)requestAuthorizationWithOptions:(UNAuthorizationOptions)options completionHandler:(void (^)(BOOL, NSError *))handler {
    [_log addObject:[NSString stringWithFormat:@"authorize %lu", (unsigned long)options]];
    if (_status == UNAuthorizationStatusNotDetermined) _status = UNAuthorizationStatusAuthorized;
    handler(_status != UNAuthorizationStatusDenied, nil);
}
- (void)setNotificationCategories:(NSSet *)categories { [_log addObject:[NSString stringWithFormat:@"categories %lu", (unsigned long)categories.count]]; }
- (void)getNotificationSettingsWithCompletionHandler:(void (^)(UNNotificationSettings *))handler {
    UNNotificationSettings *settings = [[UNNotificationSettings alloc] init];
    settings.authorizationStatus = _status;
    handler(settings);
}
- (void)addNotificationRequest:(UNNotificationRequest *)request withCompletionHandler:(void (^)(NSError *))handler {
    [self removePendingNotificationRequestsWithIdentifiers:@[ request.identifier ]];
    [_pending addObject:request];
    if (handler != nil) handler(nil);
}
static void drop(NSMutableArray *from, NSArray *identifiers, NSString *path) {
    for (id one in [from copy])
        if ([identifiers containsObject:[one valueForKeyPath:path]]) [from removeObject:one];
}
- (void)getPendingNotificationRequestsWithCompletionHandler:(void (^)(NSArray<UNNotificationRequest *> *))handler { handler([_pending copy]); }
- (void)removePendingNotificationRequestsWithIdentifiers:(NSArray *)identifiers { drop(_pending, identifiers, @"identifier"); }
- (void)removeAllPendingNotificationRequests { [_pending removeAllObjects]; }
- (void)getDeliveredNotificationsWithCompletionHandler:(void (^)(NSArray<UNNotification *> *))handler { handler([_delivered copy]); }
- (void)removeDeliveredNotificationsWithIdentifiers:(NSArray *)identifiers { drop(_delivered, identifiers, @"request.identifier"); }
- (void)removeAllDeliveredNotifications { [_delivered removeAllObjects]; }
@end
