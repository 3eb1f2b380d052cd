#import "AURClock.h"
#import "AURLocalNotifications.h"
#import "AURPushLog.h"

@implementation AURNotificationSound
- (instancetype)init {
    if ((self = [super init])) _criticalSoundVolume = 1;
    return self;
}
@end

@implementation AURNotificationContent
- (instancetype)init {
    if ((self = [super init])) _interruptionLevel = 1;
    return self;
}
// The request takes over what it is given: the app has no reason to change it afterwards.
- (id)copyWithZone:(NSZone *)zone { return self; }
@end

@implementation AURNotificationTrigger
- (id)copyWithZone:(NSZone *)zone { return self; }
@end

@implementation AURNotificationRequest
@end

@implementation AURNotificationIdentifier
@end

#if TARGET_OS_IPHONE
#import <UserNotifications/UserNotifications.h>

static UNNotificationSound *soundOf(AURNotificationContent *content) {
    AURNotificationSound *setting = content.soundSetting;
    if (setting.criticalSoundName != nil) {
        if (@available(iOS 12.0, *)) return [UNNotificationSound criticalSoundNamed:setting.criticalSoundName withAudioVolume:setting.criticalSoundVolume];
    }
    NSString *name = setting != nil ? setting.soundName : content.sound;
    if (name == nil) return setting != nil ? [UNNotificationSound defaultSound] : nil;
    return [name isEqual:@"default"] ? [UNNotificationSound defaultSound] : [UNNotificationSound soundNamed:name];
}

static UNNotificationContent *contentOf(AURNotificationContent *content) {
    UNMutableNotificationContent *result = [[UNMutableNotificationContent alloc] init];
    result.title = content.title ?: @"";
    result.subtitle = content.subtitle ?: @"";
    result.body = content.body ?: @"";
    if (content.badge != nil && content.badge.integerValue >= 0) result.badge = content.badge;
    result.categoryIdentifier = content.categoryIdentifier ?: @"";
    result.threadIdentifier = content.threadIdentifier ?: @"";
    result.userInfo = content.userInfo ?: @{};
    result.sound = soundOf(content);
    result.attachments = content.attachments ?: @[];
    if (content.launchImageName != nil) result.launchImageName = content.launchImageName;
    if (@available(iOS 13.0, *)) result.targetContentIdentifier = content.targetContentIdentifier;
    if (@available(iOS 15.0, *)) {
        result.interruptionLevel = (UNNotificationInterruptionLevel)content.interruptionLevel;
        result.relevanceScore = content.relevanceScore;
    }
    if (@available(iOS 16.0, *)) result.filterCriteria = content.filterCriteria;
    return result;
}

/// nil is "at once". Sets problem where iOS would throw.
static UNNotificationTrigger *triggerOf(AURNotificationTrigger *trigger, NSString **problem) {
    if (trigger.region != nil) return [UNLocationNotificationTrigger triggerWithRegion:trigger.region repeats:trigger.repeat];
    if (trigger.dateComponents != nil) return [UNCalendarNotificationTrigger triggerWithDateMatchingComponents:trigger.dateComponents repeats:trigger.repeat];
    NSTimeInterval seconds = trigger.timeInterval;
    if (seconds <= 0 && trigger.fireDate != nil) {
        seconds = trigger.fireDate.timeIntervalSinceNow;
        if (seconds <= 0) *problem = @"its date is over";
    }
    if (trigger.repeat && seconds < 60) *problem = @"what repeats needs a timeInterval of at least 60 s";
    return seconds > 0 && *problem == nil ? [UNTimeIntervalNotificationTrigger triggerWithTimeInterval:seconds repeats:trigger.repeat] : nil;
}

static void onMain(void (^block)(void)) { [[AURMainQueue shared] perform:block]; }

@implementation AURPushService (LocalNotifications)

+ (void)addNotification:(AURNotificationRequest *)request {
    void (^completion)(id) = request.completionHandler ?: ^(id result) {};
    NSString *problem = request.content == nil ? @"it has no content" : nil;
    UNNotificationTrigger *trigger = triggerOf(request.trigger, &problem);
    if (problem != nil) {
        AURPushLog(AURLogLevelError, @"the local notification is not scheduled: %@", problem);
        onMain(^{ completion(nil); });
        return;
    }
    NSString *identifier = request.requestIdentifier.length > 0 ? request.requestIdentifier : [NSUUID UUID].UUIDString;
    UNNotificationRequest *made = [UNNotificationRequest requestWithIdentifier:identifier content:contentOf(request.content) trigger:trigger];
    [[UNUserNotificationCenter currentNotificationCenter] addNotificationRequest:made withCompletionHandler:^(NSError *error) {
        if (error != nil) AURPushLog(AURLogLevelError, @"the local notification is not scheduled: %@", error.localizedDescription);
        onMain(^{ completion(error == nil ? made : nil); });
    }];
}

+ (void)removeNotification:(AURNotificationIdentifier *)identifier {
    UNUserNotificationCenter *center = [UNUserNotificationCenter currentNotificationCenter];
    NSArray *identifiers = identifier.identifiers;
    BOOL all = identifiers.count == 0;
    if (identifier == nil || !identifier.delivered) all ? [center removeAllPendingNotificationRequests] : [center removePendingNotificationRequestsWithIdentifiers:identifiers];
    if (identifier == nil || identifier.delivered) all ? [center removeAllDeliveredNotifications] : [center removeDeliveredNotificationsWithIdentifiers:identifiers];
}

+ (void)findNotification:(AURNotificationIdentifier *)identifier {
    void (^completion)(NSArray *) = identifier.findCompletionHandler;
    if (completion == nil) {
        AURPushLog(AURLogLevelWarning, @"findNotification: needs a findCompletionHandler");
        return;
    }
    NSArray<NSString *> *identifiers = identifier.identifiers;
    UNUserNotificationCenter *center = [UNUserNotificationCenter currentNotificationCenter];
    void (^choose)(NSArray *, NSString *) = ^(NSArray *all, NSString *path) {
        NSMutableArray *found = [NSMutableArray array];
        for (id one in all)
            if (identifiers.count == 0 || [identifiers containsObject:[one valueForKeyPath:path]]) [found addObject:one];
        onMain(^{ completion(found); });
    };
    if (identifier.delivered) [center getDeliveredNotificationsWithCompletionHandler:^(NSArray<UNNotification *> *notifications) { choose(notifications, @"request.identifier"); }];
    else [center getPendingNotificationRequestsWithCompletionHandler:^(NSArray<UNNotificationRequest *> *requests) { choose(requests, @"identifier"); }];
}

@end
#endif
