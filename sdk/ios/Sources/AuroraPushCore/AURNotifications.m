#import "AURNotifications.h"

// The texts are JPush's, so that an app may observe either constant.
NSString *const AURNetworkIsConnectingNotification = @"kJPFNetworkIsConnectingNotification";
NSString *const AURNetworkDidSetupNotification = @"kJPFNetworkDidSetupNotification";
NSString *const AURNetworkDidCloseNotification = @"kJPFNetworkDidCloseNotification";
NSString *const AURNetworkDidRegisterNotification = @"kJPFNetworkDidRegisterNotification";
NSString *const AURNetworkFailedRegisterNotification = @"kJPFNetworkFailedRegisterNotification";
NSString *const AURNetworkDidLoginNotification = @"kJPFNetworkDidLoginNotification";
NSString *const AURNetworkDidReceiveMessageNotification = @"kJPFNetworkDidReceiveMessageNotification";
NSString *const AURServiceErrorNotification = @"kJPFServiceErrorNotification";
