// The symbols of Apple's UIKit that the SDK, its tests and the sample app use, as Apple declares them. For type-checking on
// Linux; Tests/layer/Fakes.m gives them bodies. Never shipped.
#import <Foundation/Foundation.h>
#import "Availability.h"

NS_ASSUME_NONNULL_BEGIN

@class UNNotificationResponse, UIWindow, UIScene, UISceneSession, UISceneConnectionOptions;

typedef NS_ENUM(NSInteger, UIApplicationState) {
    UIApplicationStateActive,
    UIApplicationStateInactive,
    UIApplicationStateBackground,
};
typedef NS_ENUM(NSUInteger, UIBackgroundFetchResult) {
    UIBackgroundFetchResultNewData,
    UIBackgroundFetchResultNoData,
    UIBackgroundFetchResultFailed,
};
typedef NSString *UIApplicationLaunchOptionsKey;
typedef NSString *UIApplicationOpenExternalURLOptionsKey;

extern NSString *const UIApplicationDidBecomeActiveNotification;
extern NSString *const UIApplicationWillResignActiveNotification;
extern NSString *const UIApplicationWillEnterForegroundNotification;
extern NSString *const UIApplicationDidEnterBackgroundNotification;
extern NSString *const UIApplicationOpenSettingsURLString;

@interface UIResponder : NSObject
@end

@class UIApplication;
@protocol UIApplicationDelegate <NSObject>
@optional
- (BOOL)application:(UIApplication *)application didFinishLaunchingWithOptions:(nullable NSDictionary<UIApplicationLaunchOptionsKey, id> *)launchOptions;
- (void)application:(UIApplication *)application didRegisterForRemoteNotificationsWithDeviceToken:(NSData *)deviceToken;
- (void)application:(UIApplication *)application didFailToRegisterForRemoteNotificationsWithError:(NSError *)error;
- (void)application:(UIApplication *)application
    didReceiveRemoteNotification:(NSDictionary *)userInfo
          fetchCompletionHandler:(void (^)(UIBackgroundFetchResult result))completionHandler;
@end

@interface UIApplication : UIResponder
+ (UIApplication *)sharedApplication;
@property (nonatomic, readonly) UIApplicationState applicationState;
@property (nonatomic, assign, nullable) id<UIApplicationDelegate> delegate;
@property (nonatomic) NSInteger applicationIconBadgeNumber;
- (void)registerForRemoteNotifications;
- (void)openURL:(NSURL *)url
              options:(NSDictionary<UIApplicationOpenExternalURLOptionsKey, id> *)options
    completionHandler:(nullable void (^)(BOOL success))completion;
@end

int UIApplicationMain(int argc, char *_Nullable *_Nonnull argv, NSString *_Nullable principalClassName, NSString *_Nullable delegateClassName);

@interface UIColor : NSObject
+ (UIColor *)systemBackgroundColor;
@end
@interface UIView : UIResponder
@property (nonatomic, copy, nullable) UIColor *backgroundColor;
@property (nonatomic, readonly) struct CGRect { double x, y, width, height; } bounds;
@property (nonatomic) NSUInteger autoresizingMask;
- (instancetype)initWithFrame:(struct CGRect)frame;
- (void)addSubview:(UIView *)view;
@end
enum { UIViewAutoresizingFlexibleWidth = 1 << 1, UIViewAutoresizingFlexibleHeight = 1 << 4 };
@interface UITextView : UIView
@property (null_resettable, nonatomic, copy) NSString *text;
@property (nonatomic) BOOL editable;
@end
@interface UIViewController : UIResponder
@property (null_resettable, nonatomic) UIView *view;
- (void)viewDidLoad;
@end
@interface UIWindowScene : NSObject
@end
@interface UIWindow : UIView
- (instancetype)initWithWindowScene:(UIWindowScene *)windowScene;
@property (nullable, nonatomic) UIViewController *rootViewController;
- (void)makeKeyAndVisible;
@end

@interface UISceneConnectionOptions : NSObject
@property (nonatomic, readonly, nullable) UNNotificationResponse *notificationResponse;
@end
@protocol UISceneDelegate <NSObject>
@optional
- (void)scene:(UIScene *)scene willConnectToSession:(UISceneSession *)session options:(UISceneConnectionOptions *)connectionOptions;
@end
@protocol UIWindowSceneDelegate <UISceneDelegate>
@end

NS_ASSUME_NONNULL_END
