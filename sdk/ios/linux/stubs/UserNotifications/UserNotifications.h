// The symbols of Apple's UserNotifications that the SDK and its tests use, as Apple declares them. For type-checking on Linux;
// Tests/layer/Fakes.m gives them bodies, so that the layer can be run. Never shipped.
#import <Foundation/Foundation.h>
#import "Availability.h"

NS_ASSUME_NONNULL_BEGIN

@class UNUserNotificationCenter, UNNotification, UNNotificationRequest, UNNotificationResponse, UNNotificationSettings, UNNotificationCategory, UNNotificationTrigger;

typedef NS_OPTIONS(NSUInteger, UNAuthorizationOptions) {
    UNAuthorizationOptionBadge = 1 << 0,
    UNAuthorizationOptionSound = 1 << 1,
    UNAuthorizationOptionAlert = 1 << 2,
};
typedef NS_OPTIONS(NSUInteger, UNNotificationPresentationOptions) {
    UNNotificationPresentationOptionBadge = 1 << 0,
    UNNotificationPresentationOptionSound = 1 << 1,
    UNNotificationPresentationOptionAlert = 1 << 2,
    UNNotificationPresentationOptionList = 1 << 3,
    UNNotificationPresentationOptionBanner = 1 << 4,
};
static const UNNotificationPresentationOptions UNNotificationPresentationOptionNone = 0;
typedef NS_ENUM(NSInteger, UNAuthorizationStatus) {
    UNAuthorizationStatusNotDetermined = 0,
    UNAuthorizationStatusDenied,
    UNAuthorizationStatusAuthorized,
    UNAuthorizationStatusProvisional,
    UNAuthorizationStatusEphemeral,
};
typedef NS_ENUM(NSUInteger, UNNotificationInterruptionLevel) {
    UNNotificationInterruptionLevelPassive,
    UNNotificationInterruptionLevelActive,
    UNNotificationInterruptionLevelTimeSensitive,
    UNNotificationInterruptionLevelCritical,
};

extern NSString *const UNNotificationDefaultActionIdentifier;
extern NSString *const UNNotificationDismissActionIdentifier;

@protocol UNUserNotificationCenterDelegate <NSObject>
@optional
- (void)userNotificationCenter:(UNUserNotificationCenter *)center
       willPresentNotification:(UNNotification *)notification
         withCompletionHandler:(void (^)(UNNotificationPresentationOptions options))completionHandler;
- (void)userNotificationCenter:(UNUserNotificationCenter *)center
    didReceiveNotificationResponse:(UNNotificationResponse *)response
             withCompletionHandler:(void (^)(void))completionHandler;
- (void)userNotificationCenter:(UNUserNotificationCenter *)center openSettingsForNotification:(nullable UNNotification *)notification;
@end

@interface UNUserNotificationCenter : NSObject
@property (nonatomic, weak, nullable) id<UNUserNotificationCenterDelegate> delegate;
+ (UNUserNotificationCenter *)currentNotificationCenter;
- (instancetype)init NS_UNAVAILABLE;
- (void)requestAuthorizationWithOptions:(UNAuthorizationOptions)options completionHandler:(void (^)(BOOL granted, NSError *_Nullable error))completionHandler;
- (void)setNotificationCategories:(NSSet<UNNotificationCategory *> *)categories;
- (void)getNotificationSettingsWithCompletionHandler:(void (^)(UNNotificationSettings *settings))completionHandler;
- (void)addNotificationRequest:(UNNotificationRequest *)request withCompletionHandler:(nullable void (^)(NSError *_Nullable error))completionHandler;
- (void)getPendingNotificationRequestsWithCompletionHandler:(void (^)(NSArray<UNNotificationRequest *> *requests))completionHandler;
- (void)removePendingNotificationRequestsWithIdentifiers:(NSArray<NSString *> *)identifiers;
- (void)removeAllPendingNotificationRequests;
- (void)getDeliveredNotificationsWithCompletionHandler:(void (^)(NSArray<UNNotification *> *notifications))completionHandler;
- (void)removeDeliveredNotificationsWithIdentifiers:(NSArray<NSString *> *)identifiers;
- (void)removeAllDeliveredNotifications;
@end

@interface UNNotificationSettings : NSObject
@property (nonatomic, readonly) UNAuthorizationStatus authorizationStatus;
@end

@interface UNNotificationCategory : NSObject
@end

@interface UNNotificationAttachment : NSObject
@end

@interface UNNotificationSound : NSObject
+ (UNNotificationSound *)defaultSound;
+ (UNNotificationSound *)soundNamed:(NSString *)name;
+ (UNNotificationSound *)criticalSoundNamed:(NSString *)name withAudioVolume:(float)volume;
@end

@interface UNNotificationContent : NSObject
@property (nonatomic, copy, readonly) NSString *title, *subtitle, *body;
@property (nonatomic, copy, readonly, nullable) NSNumber *badge;
@property (nonatomic, copy, readonly) NSDictionary *userInfo;
@end

@interface UNMutableNotificationContent : UNNotificationContent
@property (nonatomic, copy) NSString *title, *subtitle, *body, *categoryIdentifier, *threadIdentifier, *launchImageName, *summaryArgument;
@property (nonatomic, copy, nullable) NSString *targetContentIdentifier, *filterCriteria;
@property (nonatomic, copy, nullable) NSNumber *badge;
@property (nonatomic, copy) NSDictionary *userInfo;
@property (nonatomic, copy, nullable) UNNotificationSound *sound;
@property (nonatomic, copy) NSArray<UNNotificationAttachment *> *attachments;
@property (nonatomic) NSUInteger summaryArgumentCount;
@property (nonatomic) UNNotificationInterruptionLevel interruptionLevel;
@property (nonatomic) double relevanceScore;
@end

@interface UNNotificationTrigger : NSObject
@end
@interface UNTimeIntervalNotificationTrigger : UNNotificationTrigger
+ (instancetype)triggerWithTimeInterval:(NSTimeInterval)timeInterval repeats:(BOOL)repeats;
@end
@interface UNCalendarNotificationTrigger : UNNotificationTrigger
+ (instancetype)triggerWithDateMatchingComponents:(NSDateComponents *)dateComponents repeats:(BOOL)repeats;
@end
@class CLRegion;
@interface UNLocationNotificationTrigger : UNNotificationTrigger
+ (instancetype)triggerWithRegion:(CLRegion *)region repeats:(BOOL)repeats;
@end

@interface UNNotificationRequest : NSObject
@property (nonatomic, copy, readonly) NSString *identifier;
@property (nonatomic, copy, readonly) UNNotificationContent *content;
@property (nonatomic, copy, readonly, nullable) UNNotificationTrigger *trigger;
+ (instancetype)requestWithIdentifier:(NSString *)identifier content:(UNNotificationContent *)content trigger:(nullable UNNotificationTrigger *)trigger;
- (instancetype)init NS_UNAVAILABLE;
@end

@interface UNNotification : NSObject
@property (nonatomic, copy, readonly) NSDate *date;
@property (nonatomic, copy, readonly) UNNotificationRequest *request;
- (instancetype)init NS_UNAVAILABLE;
@end

@interface UNNotificationResponse : NSObject
@property (nonatomic, copy, readonly) UNNotification *notification;
@property (nonatomic, copy, readonly) NSString *actionIdentifier;
- (instancetype)init NS_UNAVAILABLE;
@end

@interface UNNotificationServiceExtension : NSObject
- (void)didReceiveNotificationRequest:(UNNotificationRequest *)request withContentHandler:(void (^)(UNNotificationContent *contentToDeliver))contentHandler;
- (void)serviceExtensionTimeWillExpire;
@end

NS_ASSUME_NONNULL_END
