// Local notifications: no server is involved. One form for all versions of iOS, as JPush users know it.
#import "AURPushService.h"

NS_ASSUME_NONNULL_BEGIN

@class CLRegion;

/// A sound; the first one set wins: critical, named, otherwise the default.
@interface AURNotificationSound : NSObject
@property (nonatomic, copy, nullable) NSString *soundName;
@property (nonatomic, copy, nullable) NSString *criticalSoundName; ///< needs Apple's entitlement
@property (nonatomic) float criticalSoundVolume;                   ///< 0 to 1; default 1
@end

@interface AURNotificationContent : NSObject <NSCopying>
@property (nonatomic, copy, nullable) NSString *title, *subtitle, *body;
@property (nonatomic, copy, nullable) NSNumber *badge;              ///< nil or -1: unchanged
@property (nonatomic, copy, nullable) NSString *action;             ///< of iOS before 10; ignored
@property (nonatomic, copy, nullable) NSString *categoryIdentifier, *threadIdentifier, *launchImageName, *summaryArgument, *targetContentIdentifier, *filterCriteria;
@property (nonatomic, copy, nullable) NSDictionary *userInfo;
@property (nonatomic, copy, nullable) NSString *sound;              ///< a name; nil: no sound, unless soundSetting is set
@property (nonatomic, nullable) AURNotificationSound *soundSetting; ///< wins over sound
@property (nonatomic, copy, nullable) NSArray *attachments;         ///< of UNNotificationAttachment
@property (nonatomic) NSUInteger summaryArgumentCount;
@property (nonatomic) NSUInteger interruptionLevel;                 ///< UNNotificationInterruptionLevel; default active
@property (nonatomic) double relevanceScore;
@end

/// When: the first one set wins, in the order region, dateComponents, timeInterval, fireDate. None: at once.
@interface AURNotificationTrigger : NSObject <NSCopying>
@property (nonatomic) BOOL repeat;
@property (nonatomic, copy, nullable) NSDate *fireDate;
@property (nonatomic, copy, nullable) CLRegion *region;
@property (nonatomic, copy, nullable) NSDateComponents *dateComponents;
@property (nonatomic) NSTimeInterval timeInterval;                  ///< at least 60 s if it repeats
@end

@interface AURNotificationRequest : NSObject
@property (nonatomic, copy, nullable) NSString *requestIdentifier;  ///< nil: a new one
@property (nonatomic, copy, nullable) AURNotificationContent *content;
@property (nonatomic, copy, nullable) AURNotificationTrigger *trigger;
/// Main thread; the scheduled UNNotificationRequest, or nil when it failed (the log says why).
@property (nonatomic, copy, nullable) void (^completionHandler)(id _Nullable result);
@end

@interface AURNotificationIdentifier : NSObject
@property (nonatomic, copy, nullable) NSArray<NSString *> *identifiers;  ///< nil or empty: all
@property (nonatomic, nullable) id notificationObj;                     ///< of iOS before 10; ignored
@property (nonatomic) BOOL delivered;                                    ///< those that were shown (YES) or wait (NO)
/// Main thread; UNNotification or UNNotificationRequest objects.
@property (nonatomic, copy, nullable) void (^findCompletionHandler)(NSArray *results);
@end

#if TARGET_OS_IPHONE
@interface AURPushService (LocalNotifications)
/// Schedules; one with the same identifier is replaced.
+ (void)addNotification:(AURNotificationRequest *)request;
/// nil removes all, pending and delivered.
+ (void)removeNotification:(nullable AURNotificationIdentifier *)identifier;
/// Needs a findCompletionHandler.
+ (void)findNotification:(AURNotificationIdentifier *)identifier;
@end
#endif

NS_ASSUME_NONNULL_END
