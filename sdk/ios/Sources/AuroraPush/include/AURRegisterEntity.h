// What an app asks the user for.
#import <Foundation/Foundation.h>

NS_ASSUME_NONNULL_BEGIN

/// The bits are those of UNAuthorizationOptions.
typedef NS_OPTIONS(NSUInteger, AURAuthorizationOptions) {
    AURAuthorizationOptionNone = 0,
    AURAuthorizationOptionBadge = 1 << 0,
    AURAuthorizationOptionSound = 1 << 1,
    AURAuthorizationOptionAlert = 1 << 2,
    AURAuthorizationOptionCarPlay = 1 << 3,
    AURAuthorizationOptionCriticalAlert = 1 << 4,
    AURAuthorizationOptionProvidesAppNotificationSettings = 1 << 5,
    AURAuthorizationOptionProvisional = 1 << 6,
    AURAuthorizationOptionAnnouncement = 1 << 7,
};

typedef NS_ENUM(NSInteger, AURAuthorizationStatus) {
    AURAuthorizationNotDetermined = 0,
    AURAuthorizationStatusDenied = 1,
    AURAuthorizationStatusAuthorized = 2,
    AURAuthorizationStatusProvisional = 3,
};

@interface AURRegisterEntity : NSObject
/// OR of AURAuthorizationOptions.
@property (nonatomic) NSInteger types;
/// UNNotificationCategory objects.
@property (nonatomic, copy, nullable) NSSet *categories;
@end

NS_ASSUME_NONNULL_END
