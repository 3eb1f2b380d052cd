#import "JPUSHService.h"
#import "AURNotifications.h"
#import "AURPushCentre.h"
#import "AURPushLog.h"
#import "JPUSHDelegateAdapter.h"
#include <objc/message.h>

#pragma clang diagnostic ignored "-Wdeprecated-declarations" // the deprecated methods call each other

NSString *const kJPFNetworkIsConnectingNotification = @"kJPFNetworkIsConnectingNotification";
NSString *const kJPFNetworkDidSetupNotification = @"kJPFNetworkDidSetupNotification";
NSString *const kJPFNetworkDidCloseNotification = @"kJPFNetworkDidCloseNotification";
NSString *const kJPFNetworkDidRegisterNotification = @"kJPFNetworkDidRegisterNotification";
NSString *const kJPFNetworkFailedRegisterNotification = @"kJPFNetworkFailedRegisterNotification";
NSString *const kJPFNetworkDidLoginNotification = @"kJPFNetworkDidLoginNotification";
NSString *const kJPFNetworkDidReceiveMessageNotification = @"kJPFNetworkDidReceiveMessageNotification";
NSString *const kJPFServiceErrorNotification = @"kJPFServiceErrorNotification";

@implementation JPUSHService

+ (void)setupWithOption:(NSDictionary *)launchOptions appKey:(NSString *)appKey channel:(NSString *)channel apsForProduction:(BOOL)production advertisingIdentifier:(NSString *)advertisingIdentifier {
    if (advertisingIdentifier != nil) AURPushLog(AURLogLevelInfo, @"the advertising identifier is ignored: Aurora collects none");
    [self setupWithOption:launchOptions appKey:appKey channel:channel apsForProduction:production];
}

#if TARGET_OS_IPHONE
+ (void)registerForRemoteNotificationConfig:(JPUSHRegisterEntity *)config delegate:(id<JPUSHRegisterDelegate>)delegate {
    [AURPushService registerForRemoteNotificationConfig:config delegate:[JPUSHDelegateAdapter adapterFor:delegate]];
}

+ (void)registerForRemoteNotificationTypes:(NSUInteger)types categories:(NSSet *)categories {
    JPUSHRegisterEntity *entity = [[JPUSHRegisterEntity alloc] init];
    entity.types = (NSInteger)types;
    entity.categories = categories;
    [self registerForRemoteNotificationConfig:entity delegate:nil];
}
#endif

#pragma mark - Calls and live activities

+ (void)registerVoipToken:(NSData *)voipToken { [self registerVoIPToken:voipToken]; }

+ (void)handleVoipNotification:(NSDictionary *)remoteInfo { [self reportReceived:remoteInfo]; }

+ (void)registerLiveActivity:(NSString *)activityAttributes pushToStartToken:(NSData *)pushToken completion:(JPUSHLiveActivityTokenCompletion)completion seq:(NSInteger)seq {
    [self registerActivityStartToken:pushToken type:activityAttributes completion:^(NSInteger code) {
        if (completion != nil) completion(code, activityAttributes, pushToken, seq);
    }];
}

+ (void)registerLiveActivity:(NSString *)liveActivityId pushToken:(NSData *)pushToken completion:(JPUSHLiveActivityTokenCompletion)completion seq:(NSInteger)seq {
    [self registerActivityToken:pushToken activity:liveActivityId completion:^(NSInteger code) {
        if (completion != nil) completion(code, liveActivityId, pushToken, seq);
    }];
}

#pragma mark - Deprecated tags and alias

+ (void)setTags:(NSSet *)tags alias:(NSString *)alias fetchCompletionHandle:(void (^)(int, NSSet *, NSString *))completion {
    AURPushCentre *centre = [AURPushCentre shared];
    AURClient *client = centre.client;
    void (^done)(NSError *) = ^(NSError *error) {
        if (completion != nil) completion((int)error.code, tags, alias);
    };
    NSError *problem = centre.problem;
    if (client != nil) [client setTags:tags alias:alias completion:done];
    else [[AURMainQueue shared] perform:^{ done(problem); }];
}

+ (void)setTags:(NSSet *)tags alias:(NSString *)alias callbackSelector:(SEL)selector object:(id)target {
    [self setTags:tags alias:alias fetchCompletionHandle:^(int code, NSSet *gotTags, NSString *gotAlias) {
        if (selector == NULL || ![target respondsToSelector:selector]) return;
        ((void (*)(id, SEL, int, NSSet *, NSString *))[target methodForSelector:selector])(target, selector, code, gotTags, gotAlias);
    }];
}

+ (void)setTags:(NSSet *)tags alias:(NSString *)alias callbackSelector:(SEL)selector target:(id)target { [self setTags:tags alias:alias callbackSelector:selector object:target]; }

+ (void)setTags:(NSSet *)tags callbackSelector:(SEL)selector object:(id)target { [self setTags:tags alias:nil callbackSelector:selector object:target]; }

+ (void)setAlias:(NSString *)alias callbackSelector:(SEL)selector object:(id)target { [self setTags:nil alias:alias callbackSelector:selector object:target]; }

+ (void)setTags:(NSSet *)tags aliasInbackground:(NSString *)alias { [self setTags:tags alias:alias fetchCompletionHandle:nil]; }

#pragma mark - Deprecated local notifications

#if TARGET_OS_IPHONE
+ (id)setLocalNotification:(NSDate *)fireDate alertBody:(NSString *)alertBody badge:(NSInteger)badge alertAction:(NSString *)alertAction identifierKey:(NSString *)notificationKey userInfo:(NSDictionary *)userInfo soundName:(NSString *)soundName {
    return [self setLocalNotification:fireDate alertBody:alertBody badge:badge alertAction:alertAction identifierKey:notificationKey userInfo:userInfo soundName:soundName region:nil regionTriggersOnce:YES category:nil];
}

+ (id)setLocalNotification:(NSDate *)fireDate alertBody:(NSString *)alertBody badge:(NSInteger)badge alertAction:(NSString *)alertAction identifierKey:(NSString *)notificationKey userInfo:(NSDictionary *)userInfo soundName:(NSString *)soundName region:(CLRegion *)region regionTriggersOnce:(BOOL)once category:(NSString *)category {
    if (region == nil && fireDate.timeIntervalSinceNow <= 0) {
        AURPushLog(AURLogLevelError, @"the local notification is not scheduled: its date is over");
        return nil;
    }
    AURNotificationRequest *request = [[AURNotificationRequest alloc] init];
    request.requestIdentifier = notificationKey ?: [NSUUID UUID].UUIDString;
    AURNotificationContent *content = [[AURNotificationContent alloc] init];
    content.body = alertBody;
    content.badge = @(badge);
    content.userInfo = userInfo;
    content.sound = soundName;
    content.categoryIdentifier = category;
    AURNotificationTrigger *trigger = [[AURNotificationTrigger alloc] init];
    trigger.fireDate = fireDate;
    trigger.region = region;
    trigger.repeat = region != nil && !once;
    request.content = content;
    request.trigger = trigger;
    [self addNotification:request];
    return request;
}

+ (void)deleteLocalNotificationWithIdentifierKey:(NSString *)notificationKey {
    AURNotificationIdentifier *identifier = [[AURNotificationIdentifier alloc] init];
    identifier.identifiers = @[ notificationKey ];
    [self removeNotification:identifier];
}

+ (void)deleteLocalNotification:(id)localNotification {
    if ([localNotification isKindOfClass:[AURNotificationRequest class]]) [self deleteLocalNotificationWithIdentifierKey:[localNotification requestIdentifier]];
}

+ (void)clearAllLocalNotifications {
    [self removeNotification:[[AURNotificationIdentifier alloc] init]];
}

static void notOffered(SEL selector);

+ (NSArray *)findLocalNotificationWithIdentifier:(NSString *)notificationKey {
    notOffered(_cmd);
    return @[];
}

+ (void)showLocalNotificationAtFront:(id)notification identifierKey:(NSString *)notificationKey { notOffered(_cmd); }
#endif

#pragma mark - Not offered

static void notOffered(SEL selector) { AURPushLog(AURLogLevelInfo, @"%@ does nothing: the SDK does not offer it (docs/migrate-ios.md)", NSStringFromSelector(selector)); }

static void refuse(SEL selector, void (^completion)(NSInteger)) {
    notOffered(selector);
    [[AURMainQueue shared] perform:^{ completion(AURErrorNotSupported); }];
}

+ (void)setSmartPushEnable:(BOOL)isEnable { notOffered(_cmd); }
+ (void)setDataInsightsEnable:(BOOL)isEnable { notOffered(_cmd); }
+ (void)setCollectControl:(JPushCollectControl *)control { notOffered(_cmd); }
+ (void)setLocationEanable:(BOOL)isEnable { notOffered(_cmd); }
+ (void)pageEnterTo:(NSString *)pageName { notOffered(_cmd); }
+ (void)pageLeave:(NSString *)pageName { notOffered(_cmd); }
+ (void)setInAppMessageDelegate:(id<JPUSHInAppMessageDelegate>)inAppMessageDelegate { notOffered(_cmd); }
+ (void)setNotiInMessageDelegate:(id<JPUSHNotiInMessageDelegate>)notiInMessageDelegate { notOffered(_cmd); }
+ (void)startLogPageView:(NSString *)pageName { notOffered(_cmd); }
+ (void)stopLogPageView:(NSString *)pageName { notOffered(_cmd); }
+ (void)beginLogPageView:(NSString *)pageName duration:(int)seconds { notOffered(_cmd); }
+ (void)setLatitude:(double)latitude longitude:(double)longitude { notOffered(_cmd); }
+ (void)setLocation:(CLLocation *)location { notOffered(_cmd); }
+ (void)registerLbsGeofenceDelegate:(id<JPUSHGeofenceDelegate>)delegate withLaunchOptions:(NSDictionary *)launchOptions { notOffered(_cmd); }
+ (void)setGeofeneceMaxCount:(NSInteger)count { notOffered(_cmd); }
+ (void)setGeofenecMaxCount:(NSInteger)count { notOffered(_cmd); }
+ (void)setGeofenecePeriodForInside:(NSInteger)period { notOffered(_cmd); }
+ (void)removeGeofenceWithIdentifier:(NSString *)geofenceId { notOffered(_cmd); }
+ (void)crashLogON { notOffered(_cmd); }

+ (void)setProperties:(NSDictionary *)properties completion:(JPUSHPropertiesOperationCompletion)completion seq:(NSInteger)seq {
    refuse(_cmd, ^(NSInteger code) {
        if (completion != nil) completion(code, nil, seq);
    });
}

+ (void)deleteProperties:(NSSet<NSString *> *)properties completion:(JPUSHPropertiesOperationCompletion)completion seq:(NSInteger)seq {
    refuse(_cmd, ^(NSInteger code) {
        if (completion != nil) completion(code, nil, seq);
    });
}

+ (void)cleanProperties:(JPUSHPropertiesOperationCompletion)completion seq:(NSInteger)seq {
    refuse(_cmd, ^(NSInteger code) {
        if (completion != nil) completion(code, nil, seq);
    });
}

@end
