// JPush's classes, protocols and constants under its own names.
#import "AURLocalNotifications.h"
#import "AURRegisterEntity.h"
#if TARGET_OS_IPHONE
#import <UserNotifications/UserNotifications.h>
#endif

NS_ASSUME_NONNULL_BEGIN

typedef NS_OPTIONS(NSUInteger, JPAuthorizationOptions) {
    JPAuthorizationOptionNone = AURAuthorizationOptionNone,
    JPAuthorizationOptionBadge = AURAuthorizationOptionBadge,
    JPAuthorizationOptionSound = AURAuthorizationOptionSound,
    JPAuthorizationOptionAlert = AURAuthorizationOptionAlert,
    JPAuthorizationOptionCarPlay = AURAuthorizationOptionCarPlay,
    JPAuthorizationOptionCriticalAlert = AURAuthorizationOptionCriticalAlert,
    JPAuthorizationOptionProvidesAppNotificationSettings = AURAuthorizationOptionProvidesAppNotificationSettings,
    JPAuthorizationOptionProvisional = AURAuthorizationOptionProvisional,
    JPAuthorizationOptionAnnouncement = AURAuthorizationOptionAnnouncement,
};

typedef AURAuthorizationStatus JPAuthorizationStatus;
enum {
    JPAuthorizationNotDetermined = AURAuthorizationNotDetermined,
    JPAuthorizationStatusDenied = AURAuthorizationStatusDenied,
    JPAuthorizationStatusAuthorized = AURAuthorizationStatusAuthorized,
    JPAuthorizationStatusProvisional = AURAuthorizationStatusProvisional,
};

@interface JPUSHRegisterEntity : AURRegisterEntity
@end
@interface JPushNotificationRequest : AURNotificationRequest
@end
@interface JPushNotificationContent : AURNotificationContent
@end
@interface JPushNotificationTrigger : AURNotificationTrigger
@end
@interface JPushNotificationIdentifier : AURNotificationIdentifier
@end
@interface JPushNotificationSound : AURNotificationSound
@end

/// Kept so that code compiles: none of this is collected, whatever is set here.
@interface JPushCollectControl : NSObject
@property (nonatomic) BOOL ssid, bssid, cell, gps;
@end

/// Kept so that code compiles: Aurora sends no in-app pages.
@interface JPushInAppMessage : NSObject
@property (nonatomic, copy, nullable) NSString *mesageId, *title, *content, *clickAction;
@property (nonatomic, copy, nullable) NSArray *target;
@property (nonatomic, copy, nullable) NSDictionary *extras;
@end

#if TARGET_OS_IPHONE
@protocol JPUSHRegisterDelegate <NSObject>
@optional
/// A notification arrives in the foreground; the value is OR of UNNotificationPresentationOptions.
- (void)jpushNotificationCenter:(UNUserNotificationCenter *)center willPresentNotification:(UNNotification *)notification withCompletionHandler:(void (^)(NSInteger options))completionHandler;
- (void)jpushNotificationCenter:(UNUserNotificationCenter *)center didReceiveNotificationResponse:(UNNotificationResponse *)response withCompletionHandler:(void (^)(void))completionHandler;
- (void)jpushNotificationCenter:(UNUserNotificationCenter *)center openSettingsForNotification:(nullable UNNotification *)notification API_AVAILABLE(ios(12.0));
- (void)jpushNotificationAuthorization:(JPAuthorizationStatus)status withInfo:(nullable NSDictionary *)info;
@end
#endif

// Never called: Aurora has no geofences and no in-app pages.
@protocol JPUSHGeofenceDelegate <NSObject>
@optional
- (void)jpushGeofenceRegion:(nullable NSDictionary *)geofence error:(nullable NSError *)error;
- (void)jpushCallbackGeofenceReceived:(nullable NSArray<NSDictionary *> *)geofenceList;
- (void)jpushGeofenceIdentifer:(NSString *)geofenceId didEnterRegion:(nullable NSDictionary *)userInfo error:(nullable NSError *)error;
- (void)jpushGeofenceIdentifer:(NSString *)geofenceId didExitRegion:(nullable NSDictionary *)userInfo error:(nullable NSError *)error;
@end
@protocol JPUSHNotiInMessageDelegate <NSObject>
@optional
- (void)jPushNotiInMessageDidShowWithContent:(NSDictionary *)content;
- (void)jPushNotiInMessageDidClickWithContent:(NSDictionary *)content;
@end
@protocol JPUSHInAppMessageDelegate <NSObject>
@optional
- (void)jPushInAppMessageDidShow:(JPushInAppMessage *)inAppMessage;
- (void)jPushInAppMessageDidClick:(JPushInAppMessage *)inAppMessage;
@end

NS_ASSUME_NONNULL_END
